// Recursive descent parser of filter expressions, with the grammar of dataset queries.

/**
 * @typedef {{ name: string[] } | { literal: number | string | boolean }} Value
 * @typedef {{ and: Tree[] } | { or: Tree[] } | { not: Tree } | { literal: boolean }
 *   | { compare: string, left: Value, right: Value } | { choices: Value[], value: Value }
 *   | { isNull: Value } | { like: string, value: Value, ignoresCase: boolean }} Tree
 */

const TOKENS = /\s+|--[^\n]*|\/\*[\s\S]*?\*\/|(?<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<text>'(?:[^']|'')*')|(?<quoted>"(?:[^"]|"")*")|(?<word>[\p{L}_][\p{L}\p{N}_$]*)|(?<sign>!~~\*?|~~\*?|<>|<=|>=|!=|==|[=<>()[\],.-])/uy;
const COMPARISONS = { "=": "=", "==": "=", "!=": "<>", "<>": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=" };
const LIKES = { "~~": [false, false], "!~~": [false, true], "~~*": [true, false], "!~~*": [true, true] };
const MAX_DEPTH = 100;
const EXAMPLE = "confidence > 0.7 and label != 'dark'";

/** A syntax or type error of a filter expression. */
export class QueryProblem extends Error {}

/**
 * The syntax tree of an expression.
 * @param {string} text
 * @returns {Tree}
 * @throws {QueryProblem} it is not one condition
 */
export function parseQuery(text) {
  const parser = new Parser(tokensOf(text));
  const tree = parser.either();
  parser.end();
  return conditionOf(tree);
}

function tokensOf(text) {
  const tokens = [];
  TOKENS.lastIndex = 0;
  while (TOKENS.lastIndex < text.length) {
    const at = TOKENS.lastIndex;
    const groups = TOKENS.exec(text)?.groups;
    if (!groups) {
      const rest = text.slice(at);
      throw new QueryProblem(rest.startsWith("'") || rest.startsWith('"') ? `a text has no end: ${rest}` : `cannot read ${rest[0]}, as in ${EXAMPLE}`);
    }
    const [kind, content] = Object.entries(groups).find(([, part]) => part !== undefined) ?? [];
    if (kind) tokens.push({ kind, text: String(content), word: kind === "word" ? String(content).toLowerCase() : String(content) });
  }
  return tokens;
}

/** Descends from `or` over `and` and `not` to comparisons of names with numbers and texts. */
class Parser {
  constructor(tokens) {
    this.tokens = tokens;
    this.at = 0;
    this.depth = 0;
  }

  either() {
    return this.#joined("or", () => this.#joined("and", () => this.#negated()));
  }

  end() {
    if (this.at < this.tokens.length) throw new QueryProblem(`${this.tokens[this.at].text} is unexpected, as in ${EXAMPLE}`);
  }

  #joined(word, next) {
    const parts = [next()];
    while (this.#take(word)) parts.push(next());
    return parts.length > 1 ? { [word]: parts.map(conditionOf) } : parts[0];
  }

  #negated() {
    if (!this.#take("not")) return this.#comparison();
    return { not: conditionOf(this.#deeper(() => this.#negated())) };
  }

  #comparison() {
    const left = this.#operand();
    const sign = this.#peek();
    if (sign?.kind === "sign" && sign.text in COMPARISONS) {
      this.at += 1;
      return { compare: COMPARISONS[sign.text], left: operandOf(left), right: operandOf(this.#operand()) };
    }
    if (sign?.kind === "sign" && sign.text in LIKES) {
      this.at += 1;
      const [ignoresCase, isNegative] = LIKES[sign.text];
      return negatedIf(isNegative, this.#like(left, ignoresCase));
    }
    if (this.#take("is")) {
      const isNegative = this.#take("not");
      this.#expect("null");
      return negatedIf(isNegative, { isNull: operandOf(left) });
    }
    if (this.#take("isnull")) return { isNull: operandOf(left) };
    if (this.#take("notnull")) return { not: { isNull: operandOf(left) } };
    const isNegative = this.#take("not");
    if (this.#take("in")) return negatedIf(isNegative, { value: operandOf(left), choices: this.#choices() });
    if (this.#take("between")) return negatedIf(isNegative, this.#between(operandOf(left)));
    if (this.#take("like")) return negatedIf(isNegative, this.#like(left, false));
    if (this.#take("ilike")) return negatedIf(isNegative, this.#like(left, true));
    if (isNegative) throw new QueryProblem("after not: expected in, between, like or ilike");
    return left;
  }

  #between(value) {
    const lower = operandOf(this.#operand());
    this.#expect("and");
    const upper = operandOf(this.#operand());
    return { and: [{ compare: ">=", left: value, right: lower }, { compare: "<=", left: value, right: upper }] };
  }

  #like(left, ignoresCase) {
    const pattern = operandOf(this.#operand());
    if (!("literal" in pattern) || typeof pattern.literal !== "string") throw new QueryProblem("like needs a text in single quotes");
    return { like: pattern.literal, value: operandOf(left), ignoresCase };
  }

  #choices() {
    const close = this.#take("[") ? "]" : this.#expect("(") && ")";
    const choices = [];
    do {
      if (choices.length && this.#peek()?.text === close) break; // a comma at the end
      choices.push(operandOf(this.#operand()));
    } while (this.#take(","));
    this.#expect(close);
    return choices;
  }

  /** A name, a number, a text; or a condition in parentheses. */
  #operand() {
    const token = this.tokens[this.at++];
    if (!token) throw new QueryProblem(`the expression is not complete, as in ${EXAMPLE}`);
    if (token.kind === "number") return { literal: Number(token.text.replaceAll("_", "")) };
    if (token.text === "-" && this.#peek()?.kind === "number") return { literal: -(/** @type {any} */ (this.#operand()).literal) };
    if (token.kind === "text") return { literal: token.text.slice(1, -1).replaceAll("''", "'") };
    if (token.text === "(") {
      const inner = this.#deeper(() => this.either());
      this.#expect(")");
      return inner;
    }
    if (token.word === "true" || token.word === "false") return { literal: token.word === "true" };
    if (token.kind === "quoted" || (token.kind === "word" && !KEYWORDS.has(token.word))) return this.#name(token);
    throw new QueryProblem(`${token.text} is unexpected, as in ${EXAMPLE}`);
  }

  #name(first) {
    const name = [plain(first)];
    while (this.#take(".")) {
      const next = this.tokens[this.at++];
      if (next?.kind !== "word" && next?.kind !== "quoted") throw new QueryProblem(`${name.join(".")}. needs a name behind it`);
      name.push(plain(next));
    }
    return { name };
  }

  #deeper(parse) {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw new QueryProblem(`a filter may be nested ${MAX_DEPTH} deep`);
    const tree = parse();
    this.depth -= 1;
    return tree;
  }

  #peek() {
    return this.tokens[this.at];
  }

  #take(word) {
    const token = this.tokens[this.at];
    const isThere = token !== undefined && token.kind !== "text" && token.kind !== "quoted" && token.word === word;
    if (isThere) this.at += 1;
    return isThere;
  }

  #expect(word) {
    if (!this.#take(word)) throw new QueryProblem(`expected ${word}${this.#peek() ? `, got ${this.#peek().text}` : " at the end"}`);
    return true;
  }
}

const KEYWORDS = new Set(["and", "or", "not", "in", "between", "like", "ilike", "is", "isnull", "notnull", "null"]);

const plain = ({ kind, text }) => (kind === "quoted" ? text.slice(1, -1).replaceAll('""', '"') : text);

const negatedIf = (isNegative, tree) => (isNegative ? { not: tree } : tree);

function operandOf(node) {
  if ("name" in node || "literal" in node) return node;
  throw new QueryProblem("a condition cannot be compared: use and, or, not");
}

function conditionOf(node) {
  if ("name" in node) throw new QueryProblem(`${node.name.join(".")} is not a condition; compare it, as in ${node.name.join(".")} > 0`);
  if ("literal" in node && typeof node.literal !== "boolean") throw new QueryProblem(`${node.literal} is not a condition, as in ${EXAMPLE}`);
  return node;
}
