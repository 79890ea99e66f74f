/* What was changed in Plex, field by field, and what came from there. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;
  const { useState } = React;

  /** How the name of a change begins that came from Plex to Stash (sync/plays.py). */
  ui.FROM_PLEX = "played";

  function Change({ change, title, server, now }) {
    return h(
      "li",
      { className: "plexsync-change" },
      h(
        "div",
        { className: "plexsync-links" },
        h(ui.SceneLink, { id: change.scene, title }),
        h(ui.ItemLink, { server, ratingKey: change.rating_key }),
        h("span", { className: "plexsync-quiet" }, ui.ago(change.at, now))
      ),
      h(
        "dl",
        null,
        change.changes.map(([field, before, after]) =>
          h(
            React.Fragment,
            { key: field },
            h("dt", null, field.replace(/_/g, " ")),
            // What came from Plex was nothing before: a play is one more.
            field.startsWith(ui.FROM_PLEX)
              ? h("dd", null, h("ins", null, after))
              : h(
                  "dd",
                  null,
                  h("del", null, before || "empty"),
                  h("span", { "aria-hidden": true }, " → "),
                  h("span", { className: "sr-only" }, " became "),
                  h("ins", null, after || "empty")
                )
          )
        )
      )
    );
  }

  function Recent({ state }) {
    // Stash shows a scene without a title by its file's name, and so do we.
    const [names, setNames] = useState({});
    const nameless = state.history.filter((change) => !change.title).map((change) => change.scene);
    React.useEffect(() => {
      let current = true;
      ui.sceneTitles(nameless).then(
        (found) => current && setNames(found),
        () => undefined
      );
      return () => void (current = false);
    }, [nameless.join()]);
    return h(
      "section",
      { className: "plexsync-section", "aria-labelledby": "plexsync-recent" },
      h("h2", { id: "plexsync-recent" }, "Recent changes"),
      state.history.length
        ? h(
            "ul",
            { className: "plexsync-changes" },
            state.history.map((change, place) =>
              h(Change, {
                key: `${change.at} ${change.rating_key} ${place}`,
                change,
                title: change.title || names[change.scene],
                server: state.server,
                now: state.now,
              })
            )
          )
        : h(
            "p",
            { className: "plexsync-empty" },
            "Nothing was written to Plex yet. Each change shows up here, field by field, with what stood " +
              "there before."
          )
    );
  }

  ui.Recent = Recent;
})();
