// @ts-check
/**
 * Asks about the newest of what changes all the time: one question at a time, none queued, and no
 * answer to what was given up. Knows neither elements nor the network.
 * @module
 */

/**
 * How a question went: answered, refused in words, or to be asked again after some seconds.
 * @template Answer
 * @typedef {{ answer: Answer } | { refusal: string }
 *   | { again: number, why: "busy" | "offline" }} Outcome
 */

/**
 * @template Question, Answer
 */
export class Latest {
  /** @type {{ question: Question } | undefined} */
  #waiting;
  #round = 0;
  #running = false;
  #ask;
  #tell;
  #pause;

  /**
   * @param {(question: Question) => Promise<Outcome<Answer>>} ask must not fail
   * @param {(outcome: Outcome<Answer>) => void} tell
   * @param {(seconds: number) => Promise<void>} pause
   */
  constructor(ask, tell, pause) {
    this.#ask = ask;
    this.#tell = tell;
    this.#pause = pause;
  }

  /**
   * Ask as soon as the question under way is answered; one that waits already is dropped.
   * @param {Question} question
   */
  offer(question) {
    this.#waiting = { question };
    if (!this.#running) void this.#run();
  }

  /** Drop what waits, and the answer to what is under way. */
  forget() {
    this.#waiting = undefined;
    this.#round += 1;
  }

  async #run() {
    this.#running = true;
    while (this.#waiting) {
      const asked = this.#waiting;
      const round = this.#round;
      this.#waiting = undefined;
      const outcome = await this.#ask(asked.question);
      if (round !== this.#round) continue;
      this.#tell(outcome);
      if (!("again" in outcome)) continue;
      this.#waiting ??= asked;
      await this.#pause(outcome.again);
    }
    this.#running = false;
  }
}
