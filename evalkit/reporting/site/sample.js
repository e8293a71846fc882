// One sample as elements: its prompts with their pictures, the gold answer, and every model's reply and score.
const LONG = 4000; // characters of a text, until a click shows the rest
const MARKS = {
  1: ["✓", translate("right"), "right"], 0: ["✗", translate("wrong"), "wrong"], p: ["◐", translate("right in part"), "unsure"],
  u: ["?", translate("unparsed"), "unsure"], e: ["!", translate("failed"), "wrong"], "-": ["·", translate("not in this run"), "faint"],
};
const ROLES = { user: translate("user"), system: translate("system"), assistant: translate("assistant") };

function outcomeMarks(marks, models) {
  const label = [...marks].map((mark, m) => `${visible(models[m].title)}: ${MARKS[mark][1]}`).join(", ");
  return element("span", { class: "marks", role: "img", "aria-label": label, title: label },
    ...[...marks].map((mark) => element("span", { class: MARKS[mark][2] }, MARKS[mark][0])));
}

function sampleElements(sample, n, index) {
  const groups = index.members[n].map((member) => visible(index.groups[member])).join(" · ");
  const answers = sample.answers.map((answer) => withOption(answer, sample)).join(" | ");
  const address = `#${new URLSearchParams({ sample: index.ids[n] })}`;
  return [
    element("h2", {}, element("a", { href: address }, visible(index.ids[n]))),
    groups ? element("p", { class: "faint" }, groups) : null,
    ...sample.prompts.flatMap((views, number) => promptElements(views, sample, number, index.models)),
    ...(sample.prompts.length ? [] : [longText(index.questions[n]), element("p", { class: "missing" }, translate("It was never asked."))]),
    element("h3", {}, translate("Gold answer")),
    longText(answers || translate("none known")),
    element("h3", {}, translate("Replies")),
    ...sample.runs.map((run, m) => replyElement(run, index.models[m], index.marks[n][m], sample)),
  ].filter(Boolean);
}

// The answer, with its option where it is a letter.
function withOption(answer, sample) {
  const number = answer.length === 1 ? answer.charCodeAt(0) - 65 : -1;
  const option = sample.choices[number];
  if (option === undefined) return answer;
  return option.startsWith(`${answer}.`) ? option : `${answer}  (${option})`;
}

function promptElements(views, sample, number, models) {
  const recipients = models.filter((_, m) => sample.runs[m] && sample.runs[m].prompt === number);
  const title = sample.prompts.length > 1
    ? translate("Prompt as sent to {models}", { models: recipients.map((model) => model.title).join(", ") }) : translate("Prompt as sent");
  // Only whoever recorded a reply knows the prompt that it answers.
  const heading = recipients.every((model) => model.recorded) ? translate("Prompt of the task, for recorded replies") : title;
  return views.flatMap((view, v) => [
    element("h3", {}, visible(views.length > 1 ? `${heading}, ${v + 1} / ${views.length}` : heading)),
    ...view.map(([role, parts]) => element("div", { class: "turn" }, element("span", { class: "role" }, ROLES[role]),
      ...parts.map((part) => (typeof part === "string" ? longText(part) : mediaElement(sample.media[part], part))))),
  ]);
}

function mediaElement(thumbnails, number) {
  const video = thumbnails.length > 1;
  const title = translate(video ? "video {n}" : "picture {n}", { n: number + 1 });
  return element("div", { class: video ? "media film" : "media" }, ...thumbnails.map((thumbnail) => {
    if (!thumbnail.src) return element("div", { class: "missing" }, `${title}: ${thumbnail.caption}`);
    const alt = [title, thumbnail.caption].filter(Boolean).join(": ");
    return element("figure", {}, element("img", { src: thumbnail.src, alt, loading: "lazy", decoding: "async" }),
      element("figcaption", {}, video ? thumbnail.caption : alt));
  }));
}

function longText(text) {
  const node = element("pre", { dir: "auto" }, visible(text.slice(0, LONG)));
  if (text.length <= LONG) return node;
  const more = button(translate("Show all {n} characters", { n: text.length.toLocaleString("en") }), () => {
    node.textContent = visible(text);
    more.remove();
  });
  return element("div", {}, node, more);
}

function replyElement(run, model, mark, sample) {
  const [sign, label, tone] = MARKS[mark];
  const header = element("header", {}, element("a", { href: model.page }, visible(model.title)),
    element("span", { class: tone }, `${sign} ${label}`));
  if (!run) return element("section", { class: "reply" }, header);
  const { answer, target, value: score, error, fallback, step } = run.score;
  const quoted = (value) => `“${visible(withOption(value, sample)).slice(0, 300)}”`;
  const none = answer === null || answer === undefined;
  const facts = [
    [translate("read"), none ? translate("nothing") : quoted(answer)], [translate("gold"), quoted(target)],
    [translate("score"), `${Number(score.toFixed(4))}`], [translate("rule"), step ? `${model.rule}: ${visible(translate(step))}` : model.rule],
  ];
  return element("section", { class: "reply" }, header,
    error ? element("p", { class: "wrong" }, visible(error)) : null,
    ...run.replies.map((reply) => (reply ? longText(reply.text || "") : element("p", { class: "missing" }, translate("No reply in the log.")))),
    element("p", { class: "meta" }, ...facts.flatMap(([name, value], n) =>
      [n ? " · " : "", element("span", { class: "faint" }, `${name} `), element("span", { dir: "auto" }, value)]),
    fallback ? ` · ${translate("by the policy for unparsed replies")}` : ""),
    ...run.replies.filter(Boolean).map((reply) => element("p", { class: "key" }, replyDetails(reply))));
}

function replyDetails(reply) {
  const tokens = reply.tokens ? translate("{n} tokens", { n: reply.tokens }) : "";
  const seconds = reply.seconds ? translate("{n} s", { n: reply.seconds.toFixed(2) }) : "";
  const end = reply.finish === "length" ? translate("cut off at its limit") : "";
  return [end, tokens, seconds, `${translate("key")} ${reply.key}`].filter(Boolean).join(" · ");
}
