// @ts-check
/**
 * Display options in addresses.
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { withDisplayOptions } from "../../static/js/maps/display-options.js";

const usual = { normalize: "block", palette: "dark" };
const look = { normalize: "layer", palette: "light" };
/** @param {string} address */
const anew = (address) => withDisplayOptions(address, look, usual);

test("a page takes scale and palette, after the disabled blocks and before the rest", () => {
  assert.equal(anew("/networks/n/digits/d"), "/networks/n/digits/d?normalize=layer&palette=light");
  assert.equal(
    anew("/networks/n/digits/d/layers/a/filters/{filter}?scale=block2:0,block5:0&at=3,4#unit"),
    "/networks/n/digits/d/layers/a/filters/{filter}?scale=block2:0,block5:0&normalize=layer&palette=light&at=3,4#unit",
  );
  assert.equal(anew("/digits?network=n&palette=grey"), "/digits?network=n&normalize=layer&palette=light");
});

test("defaults are left out", () => {
  assert.equal(withDisplayOptions("/?normalize=layer&palette=light#how", usual, usual), "/#how");
  assert.equal(withDisplayOptions("/?palette=grey", { ...usual, normalize: "filter" }, usual), "/?normalize=filter");
});

test("images without a choice of scale take the palette alone", () => {
  assert.equal(anew("/compare?a=n/d&b=n/e&layer=l"), "/compare?a=n/d&b=n/e&palette=light&layer=l");
  assert.equal(anew("/api/v1/networks/n/layers/a/kernels.png?zoom=6"), "/api/v1/networks/n/layers/a/kernels.png?palette=light&zoom=6");
  assert.equal(anew("/api/v1/networks/n/digits/d/blocks/b/maps.png"), "/api/v1/networks/n/digits/d/blocks/b/maps.png?palette=light");
});

test("an image with a fixed scale keeps it", () => {
  const given = "/api/v1/networks/n/digits/d/layers/a/grid.png?scale=b:0&normalize=layer&zoom=4";
  assert.equal(withDisplayOptions(given, { palette: "light" }, usual), given.replace("&zoom", "&palette=light&zoom"));
});

test("addresses of data, documents and other sites do not change", () => {
  for (const address of ["/docs", "#guide", "/api/v1/networks/n/digits/d/layers/a/activations.npy",
    "https://example.org/networks/n"]) {
    assert.equal(anew(address), address);
  }
});
