/* What was changed in Plex, field by field, and what came from there. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;
  const { useState } = React;

  /** How the name of a change begins that came from Plex to Stash (sync/plays.py). */
  const FROM_PLEX = "played";

  const PICTURES = ["poster", "background"];

  /** The changes of an item, poster and background in one line where both are the cover. */
  function lines(changes) {
    const pictures = changes.filter(([field]) => PICTURES.includes(field));
    if (pictures.length < 2 || pictures[0][2] !== pictures[1][2]) return changes;
    const others = changes.filter(([field]) => !PICTURES.includes(field));
    const [first, second] = pictures;
    const before = first[1] === second[1] ? first[1] : `${first[1]}, ${second[1]}`;
    return [...others, ["poster and background", before, first[2]]];
  }

  const isPicture = (field) => PICTURES.some((one) => field.startsWith(one));

  /**
   * What was before and what is after; `kept` is what stays although Stash has another, `taken`
   * what Stash gets, and with `partly` one of the two is all there is to say.
   */
  function Value({ field, scene, before, after, kept, taken, partly }) {
    // What came from Plex was nothing before: a play is one more.
    if (field.startsWith(FROM_PLEX)) return h("dd", null, h("ins", null, after));
    const picture = isPicture(field);
    if (partly) {
      return h("dd", null, before ? h("del", null, before) : h("ins", null, after));
    }
    if (kept) {
      const [here, there] = picture ? ["a person's picture", "another cover"] : [before, after];
      return h("dd", null, here || "empty", h("span", { className: "plexsync-quiet" }, ` (Stash: ${there})`));
    }
    return h(
      "dd",
      null,
      h("del", null, before || (picture ? "Plex's own picture" : "empty")),
      h("span", { "aria-hidden": true }, " → "),
      h("span", { className: "sr-only" }, " became "),
      h("ins", null, after || "empty"),
      picture &&
        !taken && // it is not the scene's cover yet
        h("img", {
          className: "plexsync-thumb",
          src: new URL(`scene/${scene}/screenshot`, document.baseURI).href,
          alt: "",
          "aria-hidden": true, // the words beside it say what it is
          loading: "lazy",
        })
    );
  }

  /** Fields of a change that are all shown, and of more than that the first ones. */
  const MOST = 5;
  const FIRST = 3;

  function Fields({ scene, fields }) {
    return h(
      "dl",
      null,
      fields.map(([field, before, after]) =>
        h(
          React.Fragment,
          { key: field },
          h("dt", null, ui.words(field)),
          h(Value, { field, scene, before, after })
        )
      )
    );
  }

  function Change({ change, title, server, now, goneOn }) {
    const all = lines(change.changes);
    return h(
      "li",
      { className: "plexsync-change" },
      h(
        "div",
        { className: "plexsync-links" },
        h(ui.SceneLink, { id: change.scene, title }),
        h(ui.ItemLink, { server, ratingKey: change.rating_key }),
        h("span", { className: "plexsync-quiet" }, ui.ago(change.at, now)),
        change.run > 0 &&
          h("span", { className: "plexsync-quiet" }, ui.runName(change.run, goneOn)),
        change.undone &&
          h(
            "strong",
            null,
            change.undone === "back" ? "undone" : `undone but for ${change.undone}: changed since`
          )
      ),
      h(Fields, { scene: change.scene, fields: all.length > MOST ? all.slice(0, FIRST) : all }),
      all.length > MOST &&
        h(
          "details",
          null,
          h("summary", null, `${all.length - FIRST} more fields`),
          h(Fields, { scene: change.scene, fields: all.slice(FIRST) })
        )
    );
  }

  /** What the history is searched for; `search` gets ids of scenes or null, and a run or 0. */
  function Search({ runs, goneOn, search, searched }) {
    const [text, setText] = useState("");
    const [run, setRun] = useState("0");
    const [error, setError] = useState(null);
    async function go(event) {
      event.preventDefault();
      try {
        const scenes = text.trim() ? await ui.findScenes(text) : null;
        setError(null);
        search(scenes, Number(run));
      } catch (problem) {
        setError(problem.message);
      }
    }
    function clear() {
      setText("");
      setRun("0");
      search(null, 0);
    }
    return h(
      "form",
      { className: "plexsync-toolbar", role: "search", "aria-label": "Search changes", onSubmit: go },
      h("input", {
        className: "text-input form-control form-control-sm plexsync-search",
        type: "text",
        value: text,
        placeholder: "Scene: title or number",
        "aria-label": "Scene: title or number",
        onChange: (event) => setText(event.target.value),
      }),
      runs.length > 0 &&
        h(
          "select",
          {
            className: "btn-secondary form-control form-control-sm plexsync-search",
            value: run,
            "aria-label": "Run",
            onChange: (event) => setRun(event.target.value),
          },
          h("option", { value: "0" }, "All runs and edits"),
          runs.map((one) => h("option", { key: one, value: String(one) }, ui.runName(one, goneOn)))
        ),
      h("button", { type: "submit", className: "btn btn-secondary btn-sm" }, "Search"),
      searched &&
        h("button", { type: "button", className: "btn btn-secondary btn-sm", onClick: clear }, "Show all"),
      error && h("span", { role: "alert" }, error)
    );
  }

  function Recent({ state }) {
    const [asked, ask] = useState({ scenes: null, run: 0 });
    const searched = asked.scenes !== null || asked.run > 0;
    const newest = state.history.length ? state.history[0].number : 0;
    const { found, error, isFirst, toFirst, pager } = ui.usePages("page_history", asked, {
      turn: "before",
      newest,
    });

    // The first look shows what the state brings along, and so does every look at what is new.
    const plain = !searched && isFirst;
    const changes = plain || !found ? state.history : found.changes;
    // Stash shows a scene without a title by its file's name, and so do we.
    const [names, setNames] = useState({});
    const nameless = changes.filter((change) => !change.title).map((change) => change.scene);
    React.useEffect(() => {
      let current = true;
      ui.sceneTitles(nameless).then(
        (titles) => current && setNames(titles),
        () => undefined
      );
      return () => void (current = false);
    }, [nameless.join()]);
    function search(scenes, run) {
      toFirst();
      ask({ scenes, run });
    }
    return h(
      "section",
      { className: "plexsync-section", "aria-labelledby": "plexsync-recent" },
      h("h2", { id: "plexsync-recent" }, "Recent changes"),
      (searched || state.history.length > 0) &&
        h(Search, {
          runs: (found && found.runs) || [],
          goneOn: (found && found.gone_on) || state.gone_on,
          search,
          searched,
        }),
      error && h("p", { role: "alert" }, error.message),
      changes.length
        ? h(
            "ul",
            { className: "plexsync-changes" },
            changes.map((change) =>
              h(Change, {
                key: change.number,
                change,
                title: change.title || names[change.scene],
                server: state.server,
                now: state.now,
                goneOn: state.gone_on,
              })
            )
          )
        : h(
            "p",
            { className: "plexsync-empty" },
            searched
              ? "Nothing that is kept fits. Changes of the last three runs are, and of a week of all else."
              : "Nothing was written to Plex yet. Each change shows up here, field by field, with what stood " +
                  "there before."
          ),
      pager
    );
  }

  ui.Recent = Recent;
  ui.ChangedValue = Value;
})();
