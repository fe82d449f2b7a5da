// @ts-check
/**
 * Reads what the server answers to a drawing: one frame of a header and arrays. Copies nothing.
 * @module
 */

/**
 * Values row by row, and at each place those of all filters.
 * @typedef {{ height: number, width: number, filters: number, values: Float32Array }} Maps
 * @typedef {[number, number]} Range
 * @typedef {{ name: string, maps: Maps, blockRange: Range }} Layer
 * @typedef {{ block: string, norm_x: number, norm_f: number, norm_sum: number, norm_input: number,
 *   norm_output: number }} Block
 * @typedef {{ label: string, probabilities: number[], baseline: number[] | null, off: string[],
 *   warnings: string[], blocks: Block[] }} Said
 * @typedef {Said & { networkRange: Range, input: Uint8Array, layers: Layer[] }} Frame
 * @typedef {Said & { network_range: Range, input_shape: [number, number], layers: { name: string,
 *   shape: [number, number, number], offset: number, block_range: Range }[] }} Header
 */

const LENGTH_BYTES = 4;

/**
 * @param {ArrayBuffer} buffer
 * @returns {Frame}
 * @throws {RangeError} the frame is cut short
 * @throws {SyntaxError} its header is no JSON
 */
export function parse(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const body = LENGTH_BYTES + length;
  const text = new TextDecoder().decode(new Uint8Array(buffer, LENGTH_BYTES, length));
  const header = /** @type {Header} */ (JSON.parse(text));
  const [rows, columns] = header.input_shape;
  return {
    label: header.label,
    probabilities: header.probabilities,
    baseline: header.baseline,
    off: header.off,
    warnings: header.warnings,
    networkRange: header.network_range,
    input: new Uint8Array(buffer, body, rows * columns),
    layers: header.layers.map(({ name, shape: [height, width, filters], offset, block_range }) => {
      const values = new Float32Array(buffer, body + offset, height * width * filters);
      return { name, maps: { height, width, filters, values }, blockRange: block_range };
    }),
    blocks: header.blocks,
  };
}
