// One sample as elements: what was asked, with its pictures, and what every model made of it.
const LONG = 4000; // characters of a text shown before it is asked for
const MARKS = {
  1: ["✓", say("right"), "right"], 0: ["✗", say("wrong"), "wrong"], p: ["◐", say("right in part"), "unsure"],
  u: ["?", say("unparsed"), "unsure"], e: ["!", say("failed"), "wrong"], "-": ["·", say("not in this run"), "faint"],
};
const ROLES = { user: say("user"), system: say("system"), assistant: say("assistant") };

function marks(found, models) {
  const said = [...found].map((mark, m) => `${visible(models[m].title)}: ${MARKS[mark][1]}`).join(", ");
  return element("span", { class: "marks", role: "img", "aria-label": said, title: said },
    ...[...found].map((mark) => element("span", { class: MARKS[mark][2] }, MARKS[mark][0])));
}

function whole(sample, n, index) {
  const groups = index.members[n].map((member) => visible(index.groups[member])).join(" · ");
  const answers = sample.answers.map((answer) => named(answer, sample)).join(" | ");
  const address = `#${new URLSearchParams({ sample: index.ids[n] })}`;
  return [
    element("h2", {}, element("a", { href: address }, visible(index.ids[n]))),
    groups ? element("p", { class: "faint" }, groups) : null,
    ...sample.prompts.flatMap((views, number) => prompt(views, sample, number, index.models)),
    ...(sample.prompts.length ? [] : [text(index.questions[n]), element("p", { class: "missing" }, say("It was never asked."))]),
    element("h3", {}, say("Gold answer")),
    text(answers || say("none known")),
    element("h3", {}, say("Replies")),
    ...sample.runs.map((run, m) => reply(run, index.models[m], index.marks[n][m], sample)),
  ].filter(Boolean);
}

function named(answer, sample) {
  const place = answer.length === 1 ? answer.charCodeAt(0) - 65 : -1;
  const choice = sample.choices[place];
  if (choice === undefined) return answer;
  return choice.startsWith(`${answer}.`) ? choice : `${answer}  (${choice})`;
}

function prompt(views, sample, number, models) {
  const who = models.filter((_, m) => sample.runs[m] && sample.runs[m].prompt === number);
  const title = sample.prompts.length > 1
    ? say("Prompt as sent to {models}", { models: who.map((model) => model.title).join(", ") }) : say("Prompt as sent");
  // What a recorded reply was asked is known to whoever recorded it.
  const shown = who.every((model) => model.recorded) ? say("Prompt of the task, for recorded replies") : title;
  return views.flatMap((view, v) => [
    element("h3", {}, visible(views.length > 1 ? `${shown}, ${v + 1} / ${views.length}` : shown)),
    ...view.map(([role, parts]) => element("div", { class: "turn" }, element("span", { class: "role" }, ROLES[role]),
      ...parts.map((part) => (typeof part === "string" ? text(part) : picture(sample.media[part], part))))),
  ]);
}

function picture(thumbnails, number) {
  const film = thumbnails.length > 1;
  const title = say(film ? "video {n}" : "picture {n}", { n: number + 1 });
  return element("div", { class: film ? "media film" : "media" }, ...thumbnails.map((one) => {
    if (!one.src) return element("div", { class: "missing" }, `${title}: ${one.caption}`);
    const alt = [title, one.caption].filter(Boolean).join(": ");
    return element("figure", {}, element("img", { src: one.src, alt, loading: "lazy", decoding: "async" }),
      element("figcaption", {}, film ? one.caption : alt));
  }));
}

function text(all) {
  const made = element("pre", { dir: "auto" }, visible(all.slice(0, LONG)));
  if (all.length <= LONG) return made;
  const more = button(say("Show all {n} characters", { n: all.length.toLocaleString("en") }), () => {
    made.textContent = visible(all);
    more.remove();
  });
  return element("div", {}, made, more);
}

function reply(run, model, mark, sample) {
  const [glyph, word, tone] = MARKS[mark];
  const head = element("header", {}, element("a", { href: model.page }, visible(model.title)),
    element("span", { class: tone }, `${glyph} ${word}`));
  if (!run) return element("section", { class: "reply" }, head);
  const { answer, target, value, error, fallback } = run.score;
  const quoted = (found) => `“${visible(named(found, sample)).slice(0, 300)}”`;
  const none = answer === null || answer === undefined;
  const facts = [
    [say("read"), none ? say("nothing") : quoted(answer)], [say("gold"), quoted(target)],
    [say("score"), `${Number(value.toFixed(4))}`], [say("rule"), model.rule],
  ];
  return element("section", { class: "reply" }, head,
    error ? element("p", { class: "wrong" }, visible(error)) : null,
    ...run.replies.map((one) => (one ? text(one.text || "") : element("p", { class: "missing" }, say("No reply in the log.")))),
    element("p", { class: "meta" }, ...facts.flatMap(([name, found], n) =>
      [n ? " · " : "", element("span", { class: "faint" }, `${name} `), element("span", { dir: "auto" }, found)]),
    fallback ? ` · ${say("by the policy for unparsed replies")}` : ""),
    ...run.replies.filter(Boolean).map((one) => element("p", { class: "key" }, details(one))));
}

function details(one) {
  const tokens = one.tokens ? say("{n} tokens", { n: one.tokens }) : "";
  const seconds = one.seconds ? say("{n} s", { n: one.seconds.toFixed(2) }) : "";
  const end = one.finish === "length" ? say("cut off at its limit") : "";
  return [end, tokens, seconds, `${say("key")} ${one.key}`].filter(Boolean).join(" · ");
}
