// The box of showClassifier in a cell. `options` stands before this line: id, url, pairs, labels, and
// thresholds where a text may have several labels. Texts become text nodes and never markup. Where the kernel does not answer, the table stays.
const box = document.getElementById(options.id);
const ask = async (asked) => {
  const response = await fetch(options.url, { method: "POST", body: JSON.stringify(asked) });
  const { error, ...answer } = await response.json();
  if (error) throw new Error(error);
  return answer;
};
const make = (name, text = "", style = {}) => {
  const element = document.createElement(name);
  element.textContent = text;
  Object.assign(element.style, style);
  return element;
};
const percent = (share) => `${(100 * share).toFixed(1)} %`;

const { labels, thresholds } = options;
const orderOf = (probabilities) =>
  labels.map((_, place) => place).sort((a, b) => probabilities[b] - probabilities[a]);

function probabilities({ probabilities }) {
  const order = orderOf(probabilities);
  const isGiven = (place) => probabilities[place] >= thresholds[place];
  const table = make("table");
  const line = (tag, cells) => {
    const row = make("tr");
    row.append(...cells.map((text, n) => make(n === 0 ? "th" : tag, text, { textAlign: "start" })));
    row.firstChild.dir = "auto";
    table.append(row);
  };
  if (thresholds) line("th", ["label", "probability", "threshold", "given"]);
  for (const place of thresholds ? order : order.slice(0, 10)) {
    const others = thresholds ? [percent(thresholds[place]), isGiven(place) ? "✓" : ""] : [];
    line("td", [labels[place], percent(probabilities[place]), ...others]);
  }
  const given = thresholds && labels.filter((_, place) => isGiven(place)).join(", ");
  const answer = thresholds ? given || "no label" : `${labels[order[0]]} ${percent(probabilities[order[0]])}`;
  return [make("strong", answer), table];
}

function explained({ label, probability, parts }, { text, pair }) {
  const largest = Math.max(0.01, ...parts.map(({ change }) => Math.abs(change)));
  const whole = (content, of) => {
    const line = make("p", "", { whiteSpace: "pre-wrap" });
    line.dir = "auto";
    let end = 0;
    for (const part of parts.filter((part) => part.of === of)) {
      line.append(content.slice(end, part.start));
      const share = Math.abs(part.change) / largest;
      const color = part.change > 0 ? "240, 140, 0" : "28, 126, 214";
      const words = make(
        "span",
        content.slice(part.start, part.end),
        share < 0.05 ? {} : {
          background: `rgba(${color}, ${0.45 * share})`,
          borderBottom: `2px ${part.change > 0 ? "solid" : "dashed"} rgb(${color})`,
        },
      );
      words.title = `${(100 * part.change).toFixed(1)} points`;
      line.append(words);
      end = part.end;
    }
    line.append(content.slice(end));
    return line;
  };
  const say =
    `Each part of the text was left out in turn. Underlined in orange: it speaks for the label ${label} ` +
    `(${percent(probability)}). Underlined with blue dashes: it speaks against it.`;
  return [make("p", say), whole(text, "text"), ...pair === undefined ? [] : [whole(pair, "pair")]];
}

function build() {
  const area = (label) => {
    const text = make("textarea", "", { display: "block", width: "100%", maxWidth: "46rem" });
    text.rows = 3;
    text.dir = "auto";
    text.setAttribute("aria-label", label);
    return text;
  };
  const areas = options.pairs ? [area("First text"), area("Second text")] : [area("Text")];
  const [go, why] = [make("button", "Label it"), make("button", "Which words decided?")];
  const [said, result, marks] = [make("p"), make("div"), make("div")];
  const which = make("select");
  which.setAttribute("aria-label", "The label to explain");
  which.append(...labels.map((label) => make("option", label)));
  said.setAttribute("role", "status");
  why.disabled = true;
  const given = () => ({ text: areas[0].value, ...options.pairs ? { pair: areas[1].value } : {} });
  let shown;
  const work = (button, action) => async () => {
    button.disabled = true;
    said.textContent = "Reading …";
    try {
      await action();
      said.textContent = "";
    } catch (error) {
      said.textContent = error.message;
    }
    button.disabled = false;
  };
  go.onclick = work(go, async () => {
    const asked = given();
    const answer = await ask(asked);
    result.replaceChildren(...probabilities(answer));
    which.selectedIndex = orderOf(answer.probabilities)[0];
    marks.replaceChildren();
    shown = asked;
    why.disabled = false;
  });
  why.onclick = work(
    why,
    async () => {
      const asked = { ...shown, explain: true, label: labels[which.selectedIndex] };
      marks.replaceChildren(...explained(await ask(asked), shown));
    },
  );
  const place = make("div");
  place.className = "bertlab-box";
  place.append(...areas, go, " ", why, " ", which, said, result, marks);
  box.replaceChildren(place);
}

ask({}).then(build, () => {}); // asked for nothing, the kernel only answers
