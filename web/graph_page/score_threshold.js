/**
 * Which score cuts a list so that what stays holds a wanted fraction of the total: the same as
 * model/graph/score_threshold.h, step for step.
 */

const BUCKETS = 1 << 16;
const sums = new Float64Array(BUCKETS);
const used = new Uint8Array(BUCKETS);

/**
 * The answer is the first score at which the running sum of the descending scores reaches
 * `fraction` of the total, and never a zero; 0 when no score is above zero. A fraction of 1 keeps
 * every score above zero.
 *
 * A radix select that adds up weights, no sort: the bits of a positive double order as its value
 * does, 16 of them at a time.
 *
 * @param {Float64Array} scores Finite, not negative.
 * @param {number} fraction 0 to 1.
 * @return {number}
 */
export function scoreThreshold(scores, fraction) {
  // Little-endian, as all that browsers run on.
  const digits = new Uint16Array(scores.buffer, scores.byteOffset, 4 * scores.length);
  let candidates = new Uint32Array(scores.length);
  let n = 0;
  let total = 0;
  for (let i = 0; i < scores.length; ++i) {
    if (scores[i] <= 0) continue;
    candidates[n++] = i;
    total += scores[i];
  }
  if (n === 0) return 0;
  candidates = candidates.subarray(0, n);
  let wanted = fraction < 1 ? fraction * total : Infinity;

  for (let digit = 3; digit >= 0; --digit) {
    sums.fill(0);
    used.fill(0);
    for (const i of candidates) {
      const bucket = digits[4 * i + digit];
      sums[bucket] += scores[i];
      used[bucket] = 1;
    }
    let chosen = -1;
    for (let bucket = BUCKETS - 1; bucket >= 0; --bucket) {
      if (!used[bucket]) continue;
      if (chosen >= 0) wanted -= sums[chosen];
      chosen = bucket;
      if (sums[bucket] >= wanted) break;
    }
    candidates = candidates.filter((i) => digits[4 * i + digit] === chosen);
    if (candidates.length === 1) break;
  }
  return scores[candidates[0]];
}
