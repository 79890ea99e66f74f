/* What stays different: what a person set in Plex and Stash has otherwise, side by side, and the answers. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;
  const { useState } = React;

  /** Rows of a page. */
  const PAGE = 20;
  /** Rows from which on an answer to all is asked for once more. */
  const MANY = 2;
  const ANSWERS = [
    ["use_stash", "Use Stash", "Plex gets what Stash has"],
    ["keep_plex", "Keep Plex", "both stay as they are, and this is not asked again"],
    ["take", "Take into Stash", "the scene gets what Plex has"],
  ];
  const PENDING = { stash: "Plex is about to get Stash's.", take: "Stash is about to get Plex's." };
  const PICTURES = { poster: "poster", background: "background" };

  const { words } = ui;
  const fit = (takeable) => ANSWERS.filter(([how]) => how !== "take" || takeable);

  function Answers({ takeable, about, act, size }) {
    return fit(takeable).map(([how, label, what]) =>
      h(
        ui.ActionButton,
        {
          key: how,
          size: size || "sm",
          busyText: "Answering…",
          title: what,
          "aria-label": `${label}: ${about}`,
          action: () => act(how),
        },
        label
      )
    );
  }

  function Side({ name, field, row, value }) {
    const picture = PICTURES[field];
    return h(
      "div",
      { className: "plexsync-side" },
      h("dt", null, name),
      h(
        "dd",
        null,
        picture && name === "Stash"
          ? h("img", {
              className: "plexsync-thumb",
              src: new URL(`scene/${row.scene}/screenshot`, document.baseURI).href,
              alt: "the scene's cover",
              "aria-label": "the scene's cover",
              loading: "lazy",
            })
          : picture
            ? `a ${picture} that a person chose`
            : value || h("em", null, "empty")
      )
    );
  }

  function Row({ row, field, group, title, server, chosen, choose, act }) {
    const name = title || `Scene ${row.scene}`;
    const id = `plexsync-difference-${row.number}`;
    return h(
      "li",
      { className: "plexsync-difference" },
      h(
        "div",
        { className: "plexsync-links" },
        h("input", {
          type: "checkbox",
          id,
          checked: chosen,
          "aria-label": `Select ${name}`,
          onChange: (event) => choose(row.number, event.target.checked),
        }),
        h(ui.SceneLink, { id: row.scene, title }),
        h(ui.ItemLink, { server, ratingKey: row.rating_key })
      ),
      h(
        "dl",
        { className: "plexsync-sides" },
        h(Side, { name: "Plex", field, row, value: row.theirs }),
        h(Side, { name: "Stash", field, row, value: row.ours })
      ),
      row.why && h("p", { className: "plexsync-fault" }, row.why),
      group.why_not && h("p", { className: "plexsync-quiet" }, group.why_not),
      row.answer && h("p", { className: "plexsync-quiet" }, PENDING[row.answer]),
      h(
        "div",
        { className: "plexsync-group-buttons" },
        h(Answers, {
          takeable: group.takeable,
          about: `${words(field)} of ${name}`,
          act: (how) => act(how, { numbers: [row.number] }),
        })
      )
    );
  }

  /** The pages of one field's rows, with what is selected on the page that is shown. */
  function Rows({ group, server, act }) {
    const { field } = group;
    const [chosen, setChosen] = useState([]);
    const { found, titles, error, pager } = ui.usePages(
      "page_differences",
      { field, limit: PAGE },
      {
        turn: "before",
        // Moves with every answer, and with the size: then the page is read again.
        stamp: `${group.size}/${group.stamp}`,
        rows: (page) => page.rows,
        scenes: (page) => page.rows.map((row) => row.scene),
      }
    );
    React.useEffect(() => {
      if (!found) return;
      setChosen((known) => known.filter((one) => found.rows.some((row) => row.number === one)));
    }, [found]);

    if (error || !found) return ui.noRows(error);
    const choose = (number, on) =>
      setChosen((known) => (on ? [...known, number] : known.filter((one) => one !== number)));
    const all = found.rows.length > 0 && found.rows.every((row) => chosen.includes(row.number));
    return h(
      "div",
      { className: "plexsync-scroll" },
      h(
        "div",
        { className: "plexsync-toolbar", role: "group", "aria-label": `Selected: ${words(field)}` },
        h(
          "label",
          { className: "plexsync-check" },
          h("input", {
            type: "checkbox",
            checked: all,
            onChange: () => setChosen(all ? [] : found.rows.map((row) => row.number)),
          }),
          " Select this page"
        ),
        chosen.length > 0 &&
          h(
            React.Fragment,
            null,
            h("span", { "aria-live": "polite" }, `${ui.number(chosen.length)} selected`),
            h(Answers, {
              takeable: group.takeable,
              about: `${words(field)}, selected scenes`,
              act: (how) => act(how, { numbers: chosen }),
            })
          )
      ),
      h(
        "ul",
        { className: "plexsync-changes" },
        found.rows.map((row) =>
          h(Row, {
            key: row.number,
            row,
            field,
            group,
            title: titles[row.scene],
            server,
            chosen: chosen.includes(row.number),
            choose,
            act,
          })
        )
      ),
      pager
    );
  }

  /** The three answers to all of a field; to many they are asked for once more. */
  function All({ group, act }) {
    const [asked, ask] = useState(null);
    const yes = React.useRef(null);
    React.useEffect(() => void (asked && yes.current && yes.current.focus()), [asked]);
    const all = (how) => act(how, { field: group.field, until: group.until });
    const about = `${words(group.field)}, all ${ui.number(group.size)}`;
    if (!asked) {
      return h(Answers, {
        takeable: group.takeable,
        about,
        act: (how) => (group.size < MANY ? all(how) : ask(how)),
      });
    }
    const [, label, what] = ANSWERS.find(([how]) => how === asked);
    return h(
      "div",
      { className: "plexsync-toolbar", role: "group", "aria-label": `${label}: ${about}` },
      h("span", null, `${label} for all ${ui.number(group.size)}: ${what}.`),
      h(
        "button",
        {
          type: "button",
          ref: yes,
          className: "btn btn-primary btn-sm",
          onClick: () => {
            ask(null);
            all(asked);
          },
        },
        `Yes, all ${ui.number(group.size)}`
      ),
      h(
        "button",
        { type: "button", className: "btn btn-secondary btn-sm", onClick: () => ask(null) },
        "No"
      )
    );
  }

  function Group({ group, server, act }) {
    const [open, setOpen] = useState(false);
    const id = `plexsync-differences-${group.field}`;
    return h(
      "section",
      { className: "plexsync-group card", "aria-labelledby": id },
      h(
        "div",
        { className: "plexsync-group-head" },
        h(ui.GroupTitle, { id, title: words(group.field), size: ui.number(group.size) }),
        h(
          "div",
          { className: "plexsync-group-buttons" },
          h(All, { group, act }),
          h(ui.Unfold, { open, setOpen, controls: `${id}-rows`, show: "Show both sides", hide: "Hide" })
        )
      ),
      h("div", { id: `${id}-rows` }, open && h(Rows, { group, server, act }))
    );
  }

  function Differences({ state, say, askNow }) {
    const [stamp, setStamp] = useState(0);
    async function act(how, which) {
      await ui.told(say, async () => {
        const { rows } = await ui.operation("answer", { answer: how, ...which });
        const label = ANSWERS.find(([one]) => one === how)[1];
        return rows
          ? `${label}: ${ui.counted(rows, "difference")} answered.`
          : "Nothing was answered: these values have changed meanwhile.";
      });
      setStamp((known) => known + 1);
      await askNow();
    }
    const groups = state.differences;
    if (!groups.length) return null;
    return h(
      "section",
      { className: "plexsync-section", "aria-labelledby": "plexsync-differences" },
      h("h2", { id: "plexsync-differences" }, "Differences that stay"),
      h(
        "p",
        { className: "plexsync-quiet" },
        "Set in Plex and otherwise in Stash. Plex keeps its value until you say something else; " +
          "nothing is lost if you never do."
      ),
      groups.map((group) =>
        h(Group, {
          key: group.field,
          group: { ...group, stamp: `${stamp}/${group.until}` },
          server: state.server,
          act,
        })
      )
    );
  }

  ui.Differences = Differences;
})();
