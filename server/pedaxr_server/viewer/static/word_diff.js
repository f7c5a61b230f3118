// What differs between two texts, word by word (longest common subsequence).

const MOST_WORDS = 1500; // a table of the square of this; longer texts are shown one after the other

/** Runs of words: [{kind: "same" | "gone" | "new", text}]. */
export function wordDiff(before, after) {
  const [old, now] = [wordsOf(before), wordsOf(after)];
  if (old.length > MOST_WORDS || now.length > MOST_WORDS) return joined([...old.map((word) => ["gone", word]), ...now.map((word) => ["new", word])]);
  const common = lengthsOf(old, now);
  const steps = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      steps.push(["same", old[i]]);
      i += 1;
      j += 1;
    } else if (j >= now.length || (i < old.length && common[i + 1][j] >= common[i][j + 1])) steps.push(["gone", old[i++]]);
    else steps.push(["new", now[j++]]);
  }
  return joined(steps);
}

const wordsOf = (text) => text.split(/\s+/).filter(Boolean);

/** Length of the longest common rest from each pair of places on. */
function lengthsOf(old, now) {
  const lengths = Array.from({ length: old.length + 1 }, () => new Uint16Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      lengths[i][j] = old[i] === now[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  return lengths;
}

function joined(steps) {
  const runs = [];
  for (const [kind, word] of steps) {
    if (runs.at(-1)?.kind === kind) runs.at(-1).text += ` ${word}`;
    else runs.push({ kind, text: word });
  }
  return runs;
}
