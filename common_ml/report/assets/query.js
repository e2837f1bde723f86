// Evaluates filter expressions on tags, with the three-valued logic of SQL.

import { columnOf } from "./querynames.js";
import { QueryProblem, parseQuery } from "./queryparser.js";

const FALSE = 0;
const TRUE = 1;
const UNKNOWN = 2;
const LOOKS_LIKE_EXPRESSION = /[=<>]|(?:^|[\s(,])'|\bin\s*[([]|\bbetween\s+[\d.-]|\bis\s+(?:not\s+)?null\b|\b(?:is|not)null\b/i;

/**
 * What was typed: words that all have to be in a tag's text or track, or an expression.
 * @param {string} text
 * @returns {{ words: string[] } | { tree: import("./queryparser.js").Tree }}
 * @throws {QueryProblem} an expression that cannot be read
 */
export function parseFilter(text) {
  if (LOOKS_LIKE_EXPRESSION.test(text)) return { tree: parseQuery(text) };
  return { words: text.toLowerCase().split(/\s+/).filter(Boolean) };
}

/**
 * Compiles an expression to a predicate of tags.
 * @param {import("./queryparser.js").Tree} tree
 * @param {import("./table.js").TagTable} table
 * @param {import("./state.js").MediaFile} file
 * @returns {(tag: number) => boolean}
 * @throws {QueryProblem} an unknown name, or values that cannot be compared
 */
export function compile(tree, table, file) {
  const truth = truthOf(tree, { table, file });
  return (tag) => truth(tag) === TRUE;
}

function truthOf(tree, context) {
  if ("and" in tree) return joined(tree.and.map((part) => truthOf(part, context)), FALSE);
  if ("or" in tree) return joined(tree.or.map((part) => truthOf(part, context)), TRUE);
  if ("not" in tree) {
    const truth = truthOf(tree.not, context);
    return (tag) => negated(truth(tag));
  }
  if ("literal" in tree) return () => (tree.literal ? TRUE : FALSE);
  if ("compare" in tree) return comparison(tree.compare, tree.left, tree.right, context);
  if ("choices" in tree) return joined(tree.choices.map((choice) => comparison("=", tree.value, choice, context)), TRUE);
  if ("like" in tree) {
    const [column] = alike(tree.value, { literal: tree.like }, context);
    const pattern = patternOf(tree.like, tree.ignoresCase);
    return tested(column, (value) => pattern.test(value));
  }
  if ("literal" in tree.isNull) return () => FALSE;
  const column = columnOf(tree.isNull.name, context.table, context.file);
  return (tag) => (column.at(tag) === null ? TRUE : FALSE);
}

/** `and`, which one FALSE decides, or `or`, which one TRUE decides. */
function joined(truths, decisive) {
  return (tag) => {
    let result = decisive === TRUE ? FALSE : TRUE;
    for (const truth of truths) {
      const one = truth(tag);
      if (one === decisive) return decisive;
      if (one === UNKNOWN) result = UNKNOWN;
    }
    return result;
  };
}

const negated = (truth) => (truth === UNKNOWN ? UNKNOWN : truth === TRUE ? FALSE : TRUE);

function comparison(sign, left, right, context) {
  const [one, other] = alike(left, right, context);
  const holds = HOLDS[sign];
  if ("literal" in right) return tested(one, (value) => holds(order(value, right.literal)));
  if ("literal" in left) return tested(other, (value) => holds(order(left.literal, value)));
  return (tag) => {
    const [a, b] = [one.at(tag), other.at(tag)];
    return a === null || b === null ? UNKNOWN : holds(order(a, b)) ? TRUE : FALSE;
  };
}

const HOLDS = {
  "=": (order) => order === 0,
  "<>": (order) => order !== 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};

/** A test of one column; of a column of few texts each text is tested once. */
function tested(column, test) {
  const truth = (value) => (value === null ? UNKNOWN : test(value) ? TRUE : FALSE);
  const { codes } = column;
  if (!codes) return (tag) => truth(column.at(tag));
  const known = new Uint8Array(column.size).fill(255);
  return (tag) => {
    const code = codes[tag];
    if (known[code] === 255) known[code] = truth(column.at(tag));
    return known[code];
  };
}

/** Less than 0, 0, or more; texts by code points, which the engine of datasets compares them by. */
function order(one, other) {
  if (typeof one !== "string") return one < other ? -1 : one > other ? 1 : 0;
  if (one === other) return 0;
  const [a, b] = [[...one], [...other]];
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] !== b[i]) return Number(a[i].codePointAt(0)) - Number(b[i].codePointAt(0));
  }
  return a.length - b.length;
}

/** Both sides of a comparison as columns of one type. */
function alike(left, right, context) {
  const sides = [left, right].map((side) => sideOf(side, context));
  const types = new Set(sides.map(({ type }) => type).filter((type) => type !== "json"));
  if (types.size === 0) throw new QueryProblem(`${shownValue(left)} and ${shownValue(right)} may be anything: compare each with a value`);
  if (types.size > 1) {
    throw new QueryProblem(`cannot compare: ${shownValue(left)} is a ${sides[0].type}, but ${shownValue(right)} is a ${sides[1].type}`);
  }
  const [wanted] = types;
  const typeName = wanted === "text" ? "string" : wanted;
  return sides.map((side) => (side.type === "json" ? { type: wanted, at: (tag) => (typeof side.at(tag) === typeName ? side.at(tag) : null) } : side));
}

function sideOf(value, { table, file }) {
  if ("name" in value) return columnOf(value.name, table, file);
  const { literal } = value;
  return { type: typeof literal === "string" ? "text" : typeof literal, at: () => literal };
}

const shownValue = (value) => ("name" in value ? value.name.join(".") : JSON.stringify(value.literal));

/** % is anything, _ one character. */
function patternOf(like, ignoresCase) {
  const source = like.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&").replaceAll("%", "[\\s\\S]*").replaceAll("_", "[\\s\\S]");
  return new RegExp(`^${source}$`, ignoresCase ? "iu" : "u");
}
