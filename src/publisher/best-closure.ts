/**
 * Choosing things that are worth something each but need others that cost something, and that they share: a
 * closure of the largest weight, found as a minimum cut (J.-C. Picard, "Maximal closure of a graph and
 * applications to combinatorial problems", 1976) by Dinic's algorithm.
 *
 * A flow goes from each item, at most its gain, to the needs of it, at most their costs. What cannot be paid
 * for by flow is profit: the items from which more could still flow are the choice.
 *
 * @module
 */

export interface ClosureProblem {
  /** What choosing an item brings; one of nothing is never chosen. */
  readonly gains: readonly number[];
  /** What each item needs, as positions in `costs`. */
  readonly needs: readonly (readonly number[])[];
  readonly costs: readonly number[];
}

/**
 * The items whose gains less the costs of all their needs, each counted once, are the most; of several such
 * choices the smallest.
 *
 * @returns positions in `gains`, ascending
 */
export function bestClosure({ gains, needs, costs }: ClosureProblem): number[] {
  const network = new Network(gains.length, needs, costs);
  const left = gains.map((gain) => Math.max(0, gain));
  while (network.findLevels(left)) {
    left.forEach((gain, item) => {
      if (gain > 0) left[item] = gain - network.push(item, gain);
    });
  }
  // No more can flow: what is still reached from an item with a gain left is on its side of the cut.
  return [...gains.keys()].filter((item) => network.isReached(item));
}

/** Items and needs are its nodes, items first. */
class Network {
  readonly #items: number;
  /** From each item to its needs. */
  readonly #needs: readonly (readonly number[])[];
  /** For each need, the items from which something flows to it, and how much. */
  readonly #flows: Map<number, number>[];
  /** What each need still takes. */
  readonly #room: number[];
  readonly #levels: Int32Array;
  /** Where to go on looking for a way on from each node. */
  readonly #next: Int32Array;

  constructor(items: number, needs: readonly (readonly number[])[], costs: readonly number[]) {
    this.#items = items;
    this.#needs = needs.map((list) => list.map((need) => need + items));
    this.#flows = costs.map(() => new Map<number, number>());
    this.#room = [...costs];
    this.#levels = new Int32Array(items + costs.length);
    this.#next = new Int32Array(items + costs.length);
  }

  isReached(item: number): boolean {
    return this.#levels[item] !== -1;
  }

  /** Numbers all nodes by their distance from the items with something left; true if more can flow. */
  findLevels(left: readonly number[]): boolean {
    this.#levels.fill(-1);
    this.#next.fill(0);
    const queue: number[] = [];
    const reach = (node: number, level: number): void => {
      if (this.#levels[node] !== -1) return;
      this.#levels[node] = level;
      queue.push(node);
    };
    left.forEach((gain, item) => {
      if (gain > 0) reach(item, 0);
    });
    let open = false;
    for (const node of queue) {
      open ||= this.#roomAt(node) > 0;
      for (const other of this.#waysFrom(node)) reach(other, (this.#levels[node] as number) + 1);
    }
    return open;
  }

  /** Lets up to `amount` flow from `item`, by ways whose levels rise; gives how much it was. */
  push(item: number, amount: number): number {
    let pushed = 0;
    const path = [item];
    while (pushed < amount) {
      const node = path.at(-1) as number;
      if (this.#roomAt(node) > 0) {
        pushed += this.#flowAlong(path, amount - pushed);
        path.length = 1;
        continue;
      }
      const ways = this.#waysFrom(node);
      const at = this.#next[node] as number;
      const other = ways[at];
      if (other === undefined) {
        if (path.pop() === item) break;
        const before = path.at(-1) as number;
        this.#next[before] = (this.#next[before] as number) + 1;
      } else if (this.#levels[other] === (this.#levels[node] as number) + 1) {
        path.push(other);
      } else {
        this.#next[node] = at + 1;
      }
    }
    return pushed;
  }

  #roomAt(node: number): number {
    return node < this.#items ? 0 : (this.#room[node - this.#items] as number);
  }

  /** From an item to all its needs; from a need back to the items it has something from, in a fixed order. */
  #waysFrom(node: number): readonly number[] {
    if (node < this.#items) return this.#needs[node] as readonly number[];
    return [...(this.#flows[node - this.#items] as Map<number, number>).keys()];
  }

  /** @param path items and needs in turn, ending at a need with room */
  #flowAlong(path: readonly number[], most: number): number {
    let amount = Math.min(most, this.#roomAt(path.at(-1) as number));
    for (let i = 1; i + 1 < path.length; i += 2) {
      amount = Math.min(amount, this.#flowOf(path[i] as number, path[i + 1] as number));
    }
    for (let i = 1; i < path.length; i += 2) {
      const flows = this.#flows[(path[i] as number) - this.#items] as Map<number, number>;
      const from = path[i - 1] as number;
      flows.set(from, (flows.get(from) ?? 0) + amount);
      const back = path[i + 1];
      if (back === undefined) continue;
      const rest = (flows.get(back) as number) - amount;
      if (rest > 0) flows.set(back, rest);
      else flows.delete(back);
    }
    const end = (path.at(-1) as number) - this.#items;
    this.#room[end] = (this.#room[end] as number) - amount;
    return amount;
  }

  #flowOf(need: number, item: number): number {
    return this.#flows[need - this.#items]?.get(item) ?? 0;
  }
}
