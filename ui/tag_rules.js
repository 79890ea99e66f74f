/* The rules for tags among the settings: a rule a line, what they make of scenes, what they miss. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;
  const { useState } = React;

  /** Milliseconds without a change after which rules are tried. */
  const PAUSE = 400;
  const HELP =
    "One rule a line. only: A, B leaves out all others, drop: X leaves one out, X, Y => Z renames, " +
    "label: A and collection: A send it elsewhere. children of C may stand for a tag, " +
    "and children of C => parent writes C instead. Without rules every tag is a genre.";

  /** A setting is one line in Stash, which would run lines of its own together. */
  const toLines = (text) =>
    (text.match(/"(?:[^"]|"")*"|[^;"\n]+|[;"\n]/g) || [])
      .map((part) => (part === ";" ? "\n" : part))
      .join("")
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean)
      .join("\n");
  const toSetting = (lines) => toLines(lines).split("\n").filter(Boolean).join("; ");

  const list = (names) => names.join(", ");

  function Example({ scene }) {
    const places = [
      ["Genres", scene.genres],
      ["Labels", scene.labels],
      ["Collections", scene.collections],
    ].filter(([, names]) => names.length);
    return h(
      "li",
      null,
      h(ui.SceneLink, { id: scene.id, title: scene.title }),
      h(
        "dl",
        null,
        h("dt", null, "In Stash"),
        h("dd", { className: "plexsync-quiet" }, list(scene.tags)),
        places.length
          ? places.map(([place, names]) =>
              h(React.Fragment, { key: place }, h("dt", null, place), h("dd", null, list(names)))
            )
          : h(React.Fragment, null, h("dt", null, "In Plex"), h("dd", null, "nothing"))
      )
    );
  }

  function Missed({ found }) {
    const { missed, names, tags } = found;
    if (!tags) return h("p", { className: "plexsync-quiet" }, "Stash has no tags yet.");
    if (!missed) return h("p", { className: "plexsync-quiet" }, "Every tag is named by a rule.");
    const more = missed - names.length;
    return h(
      "details",
      null,
      h("summary", null, `${ui.number(missed)} of ${ui.number(tags)} tags that no rule names`),
      h("p", null, list(names), more > 0 && ` and ${ui.number(more)} more`)
    );
  }

  /** `saved` are the rules as Stash has them. */
  function TagRules({ saved }) {
    const saveSettings = ui.useSave();
    const [draft, setDraft] = useState(null);
    const [notice, say] = useState(null);
    const lines = draft === null ? toLines(saved) : draft;
    const rules = toSetting(lines);
    const { found, error } = ui.useTried("tag_rules", { tag_rules: rules }, PAUSE);
    const faults = (!error && found && found.faults) || [];
    const changed = rules !== toSetting(saved);

    const save = () =>
      ui.told(say, async () => {
        await saveSettings({ tag_rules: rules });
        // What was typed meanwhile stays.
        setDraft((now) => (now === lines ? null : now));
        return "Saved. Preview sync shows what it would change.";
      });

    return h(
      "div",
      { className: "plexsync plexsync-tag-rules setting", id: "plexsync-tag-rules-setting" },
      h("label", { htmlFor: "plexsync-tag-rules" }, ui.nameOf("tag_rules")),
      h("textarea", {
        id: "plexsync-tag-rules",
        className: "text-input form-control",
        rows: Math.min(12, Math.max(3, lines.split("\n").length + 1)),
        value: lines,
        spellCheck: false,
        "aria-describedby": "plexsync-tag-rules-help plexsync-tag-rules-faults",
        "aria-invalid": faults.length > 0,
        onChange: (event) => {
          say(null);
          setDraft(event.target.value);
        },
      }),
      h("div", { id: "plexsync-tag-rules-help", className: "sub-heading" }, HELP),
      h(
        "div",
        { id: "plexsync-tag-rules-faults", role: "alert" },
        faults.map((text) => h("p", { key: text, className: "plexsync-fault" }, `Tag Rules ${text}`))
      ),
      h(
        "div",
        { className: "plexsync-toolbar" },
        h(
          ui.ActionButton,
          { action: save, busyText: "Saving…", variant: "primary", type: "button", off: !changed },
          "Use these rules"
        ),
        h(ui.Notice, { notice })
      ),
      h(ui.Problem, { error }),
      found &&
        !error &&
        !faults.length &&
        h(
          "div",
          { className: "plexsync-tag-example", "aria-live": "polite" },
          found.scenes.length > 0 && h("h6", null, "What they make of your scenes"),
          h(
            "ul",
            null,
            found.scenes.map((scene) => h(Example, { key: scene.id, scene }))
          ),
          h(Missed, { found })
        )
    );
  }

  ui.TagRules = TagRules;
})();
