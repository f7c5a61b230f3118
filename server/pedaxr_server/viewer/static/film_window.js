// Grey values as they are shown: window and level, and presets made for the film at hand.

const NARROWEST = 16; // grey values: a film of one grey has no window of its own
export const FULL_WINDOW = { centre: 128, width: 256, inverted: false };

// Which share of the film's greys, darkest first, each preset spreads over the whole range. Gas is dark.
const SHARES_SHOWN = { auto: [0.01, 0.995], gas: [0.01, 0.5], soft: [0.2, 0.85], bone: [0.5, 0.999] };
export const PRESETS = ["full", ...Object.keys(SHARES_SHOWN)];

/** Centre and width of a preset for a film's greys; the collimated black around the body does not count. */
export function presetWindow(name, grey) {
  const shares = SHARES_SHOWN[name];
  if (!shares || !grey) return { centre: FULL_WINDOW.centre, width: FULL_WINDOW.width };
  const [low, high] = shares.map((share) => greyAt(share, histogramOf(grey)));
  const width = Math.max(high - low, NARROWEST);
  return { centre: (low + high) / 2, width };
}

/** What each of 256 grey values is shown as. */
export function windowTable({ centre, width, inverted }) {
  const low = centre - width / 2;
  return Uint8ClampedArray.from({ length: 256 }, (_, grey) => {
    const shown = ((grey - low) / width) * 255;
    return inverted ? 255 - shown : shown;
  });
}

function histogramOf(grey) {
  const counts = new Array(256).fill(0);
  for (const value of grey) counts[value] += 1;
  counts[0] = 0;
  return counts;
}

function greyAt(share, counts) {
  const wanted = share * counts.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  return Math.max(counts.findIndex((count) => (seen += count) >= wanted), 0);
}

/** The grey values of a picture, row by row. */
export function greyOf(bitmap) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(bitmap, 0, 0);
  const { data } = pen.getImageData(0, 0, bitmap.width, bitmap.height);
  return Uint8ClampedArray.from({ length: data.length / 4 }, (_, i) => data[4 * i]);
}
