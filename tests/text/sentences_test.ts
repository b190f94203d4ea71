import assert from "node:assert/strict";
import { longestSentence, splitSentences } from "../../lib/text/sentences.ts";

const english = (text: string) => splitSentences(text, "en").sentences;
const chinese = (text: string) => splitSentences(text, "zh").sentences;

Deno.test("English sentences: quotes, abbreviations, numbers, lines, runs of marks", () => {
  const cases: [text: string, sentences: string[]][] = [
    ["It was great. I laughed!  Would I see it again? Yes.", [
      "It was great.",
      "I laughed!",
      "Would I see it again?",
      "Yes.",
    ]],
    ["“Go.” Then he left. (He did.) End", ["“Go.”", "Then he left.", "(He did.)", "End"]],
    ['She said "Run!" Nobody ran.', ['She said "Run!"', "Nobody ran."]],
    ["Mr. and Mrs. Smith met Dr. No. J. R. R. Tolkien wrote it.", [
      "Mr. and Mrs. Smith met Dr. No.",
      "J. R. R. Tolkien wrote it.",
    ]],
    ["So did I. Then it cost $3.50 at 9 a.m. in e.g. Rome.", [
      "So did I.",
      "Then it cost $3.50 at 9 a.m. in e.g. Rome.",
    ]],
    ["WHAT?!?! No... way... Ever.", ["WHAT?!?!", "No... way...", "Ever."]],
    ["A title\nA line. Another\r\n\r\nThe end", ["A title", "A line.", "Another", "The end"]],
    ["ends with Mr.\nA line", ["ends with Mr.", "A line"]],
    ["no boundary at all", ["no boundary at all"]],
    ["...", ["..."]],
    ["Dr. ", ["Dr."]],
    ["", []],
    [" \n\t ", []],
  ];
  for (const [text, sentences] of cases) assert.deepEqual(english(text), sentences, JSON.stringify(text));
});

Deno.test("Chinese sentences end after 。？！ and the closing quotes that follow", () => {
  const cases: [text: string, sentences: string[]][] = [
    ["床前明月光，疑是地上霜。举头望明月，低头思故乡。", [
      "床前明月光，疑是地上霜。",
      "举头望明月，低头思故乡。",
    ]],
    ["他说：“好！”然后走了。真的吗？！真的", ["他说：“好！”", "然后走了。", "真的吗？！", "真的"]],
    ['他说"好。我走。"她不走。"为什么？"', ['他说"好。', '我走。"', "她不走。", '"为什么？"']],
    ["（完。）」。下", ["（完。）」。", "下"]],
    ["第一行\n第二行。\r\n\n第三行", ["第一行", "第二行。", "第三行"]],
    ["3.14 is 圆周率。Yes! No.", ["3.14 is 圆周率。", "Yes! No."]],
    ["没有句号", ["没有句号"]],
    ["。", ["。"]],
    ["", []],
  ];
  for (const [text, sentences] of cases) assert.deepEqual(chinese(text), sentences, JSON.stringify(text));
});

Deno.test("no character but blanks is lost", () => {
  const text = "He left. “Why?” she asked.\tMr. X\nknew 。？！\r\nall 😀. " + "word ".repeat(900) +
    "x😀".repeat(2000);
  const ink = (parts: string[]) => parts.join("").replaceAll(/\s/g, "");
  for (const language of ["en", "zh"] as const) {
    assert.equal(ink(splitSentences(text, language).sentences), ink([text]));
  }
});

Deno.test("a sentence that is too long is cut at blanks or commas, else anywhere but inside a character", () => {
  assert.equal(longestSentence, 1000);
  assert.deepEqual(splitSentences("a".repeat(1000), "en"), { sentences: ["a".repeat(1000)], cuts: 0 });
  assert.deepEqual(splitSentences("a".repeat(600) + " " + "b".repeat(700), "en"), {
    sentences: ["a".repeat(600), "b".repeat(700)],
    cuts: 1,
  });
  const poem = splitSentences("山".repeat(998) + "，" + "水".repeat(998) + "，火。", "zh");
  assert.deepEqual(poem.sentences.map((sentence) => sentence.length), [999, 999, 2]);
  assert.equal(poem.cuts, 2);
  const emoji = splitSentences("x" + "😀".repeat(1000), "en");
  assert.deepEqual(emoji.sentences.map((sentence) => sentence.length), [999, 1000, 2]);
  assert.ok(emoji.sentences.every((sentence) => sentence.isWellFormed()));
});

Deno.test("lines of a megabyte are split, which would take hours if it took the square of their length", () => {
  const size = 1_000_000;
  for (const unit of ["word ", "x", "Mr. ", "a. B", "字", "句。"]) {
    const text = unit.repeat(size / unit.length);
    for (const language of ["en", "zh"] as const) {
      const { sentences, cuts } = splitSentences(text, language);
      assert.ok(sentences.every(({ length }) => length > 0 && length <= longestSentence), unit);
      assert.ok(cuts < size / 500);
    }
  }
});
