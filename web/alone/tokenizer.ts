// Byte-level BPE as in the `tokenizers` library: text to ids and back, from a tokenizer.json.

interface TokenizerJson {
  added_tokens: { id: number; content: string }[];
  model: { vocab: Record<string, number>; merges: ([string, string] | string)[]; ignore_merges?: boolean };
}

/** Words, numbers and marks with the space before them, as GPT-2 splits text. */
const PIECES = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** The printable character that stands for each byte. */
function byteCharacters(): string[] {
  const found: string[] = [];
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    found.push(String.fromCodePoint(printable ? byte : next++));
  }
  return found;
}

export class Tokenizer {
  private readonly vocab: Map<string, number>;
  private readonly ranks = new Map<string, number>();
  private readonly characters = byteCharacters();
  private readonly bytes = new Map<string, number>();
  private readonly tokens = new Map<number, string>();
  private readonly special = new Set<number>();
  private readonly cache = new Map<string, number[]>();

  constructor(json: TokenizerJson) {
    this.vocab = new Map(Object.entries(json.model.vocab));
    json.model.merges.forEach((pair, rank) => this.ranks.set(Array.isArray(pair) ? pair.join(" ") : pair, rank));
    this.characters.forEach((character, byte) => this.bytes.set(character, byte));
    for (const [token, id] of this.vocab) this.tokens.set(id, token);
    for (const { id } of json.added_tokens) this.special.add(id);
  }

  /** Ids of a text without special tokens in it. */
  encode(text: string): number[] {
    const ids: number[] = [];
    for (const [piece] of text.matchAll(PIECES)) {
      let found = this.cache.get(piece);
      if (!found) this.cache.set(piece, (found = this.merged(piece)));
      ids.push(...found);
    }
    return ids;
  }

  /** The text of ids, special tokens left out. */
  decode(ids: number[]): string {
    const bytes: number[] = [];
    for (const id of ids) {
      if (this.special.has(id)) continue;
      for (const character of this.tokens.get(id) ?? "") bytes.push(this.bytes.get(character) as number);
    }
    return new TextDecoder().decode(Uint8Array.from(bytes));
  }

  /** Ids below `stop`: all text tokens but the brackets of motions. */
  textIds(stop: number): number[] {
    return [...this.tokens.keys()].filter((id) => id < stop);
  }

  private merged(piece: string): number[] {
    let parts = [...new TextEncoder().encode(piece)].map((byte) => this.characters[byte]);
    for (;;) {
      let best = -1;
      let lowest = Infinity;
      for (let i = 0; i + 1 < parts.length; i++) {
        const rank = this.ranks.get(`${parts[i]} ${parts[i + 1]}`) ?? Infinity;
        if (rank < lowest) [best, lowest] = [i, rank];
      }
      if (best < 0) break;
      const [left, right] = [parts[best], parts[best + 1]];
      const joined: string[] = [];
      for (let i = 0; i < parts.length; i++) {
        if (parts[i] === left && parts[i + 1] === right) {
          joined.push(left + right);
          i++;
        } else joined.push(parts[i]);
      }
      parts = joined;
    }
    return parts.map((part) => {
      const id = this.vocab.get(part);
      if (id === undefined) throw new Error(`the tokenizer has no token ${JSON.stringify(part)}`);
      return id;
    });
  }
}
