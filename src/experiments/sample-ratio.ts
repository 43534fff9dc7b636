/**
 * Whether as many users came to each arm as its share says. Where not, something loses users of one arm, and no other
 * number of the experiment can be trusted.
 *
 * The sequential multinomial test of Lindon and Malek, "Anytime-valid inference for multinomial count data" (2022,
 * arXiv:2011.03567): the Bayes factor of a Dirichlet-multinomial, whose mean is at the shares, against the shares. Under the shares it is a martingale that begins at 1, so the chance that it ever reaches 1/α is α.
 */

/** Below this a mismatch is reported: rarer than a false alarm of the metrics, since it voids all of them. */
export const RATIO_ALPHA = 0.001;
/** Weight of the Dirichlet in users (guess: a mismatch of some percent is what one looks for). */
const WEIGHT = 100;

/** Watches users as they come. */
export class SampleRatio {
  private readonly shares: readonly number[];
  private readonly counts: number[];
  private total = 0;
  private logFactor = 0;
  private largest = 0;

  /** @param shares of the arms; they need not sum to 1 */
  constructor(shares: readonly number[]) {
    const sum = shares.reduce((all, share) => all + share, 0);
    this.shares = shares.map((share) => share / sum);
    this.counts = shares.map(() => 0);
  }

  /** A user came to an arm. The factor moves by how much better the Dirichlet foresaw it than the shares. */
  add(arm: number): void {
    const share = this.shares[arm]!;
    const foreseen = (WEIGHT * share + this.counts[arm]!) / (WEIGHT + this.total);
    this.logFactor += Math.log(foreseen / share);
    this.counts[arm]!++;
    this.total++;
    this.largest = Math.max(this.largest, this.logFactor);
  }

  /** The smallest p-value so far; valid whenever one looks. */
  get p(): number {
    return Math.exp(-this.largest);
  }

  get mismatch(): boolean {
    return this.p < RATIO_ALPHA;
  }
}
