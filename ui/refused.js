/* The covers that Plex could not take: which scenes, and what to do. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;

  /** Scenes of a page. */
  const PAGE = 20;

  function Scenes({ stamp }) {
    // `stamp` moves when their number does: then the page is read again.
    const { found, titles, error, pager } = ui.usePages(
      "page_refused",
      { limit: PAGE },
      { stamp, rows: (page) => page.scenes, scenes: (page) => page.scenes }
    );
    if (error) return h(ui.Problem, { error });
    if (!found) return h("p", { className: "plexsync-quiet" }, "Reading…");
    return h(
      React.Fragment,
      null,
      h(
        "ul",
        { className: "plexsync-advice" },
        found.scenes.map((id) => h("li", { key: id }, h(ui.SceneLink, { id, title: titles[id] })))
      ),
      pager
    );
  }

  function Refused({ state }) {
    if (!state.refused) return null;
    return h(
      "section",
      { className: "plexsync-section", "aria-labelledby": "plexsync-refused" },
      h(
        "h2",
        { id: "plexsync-refused" },
        "Covers that Plex could not take ",
        h("span", { className: "badge badge-secondary" }, ui.number(state.refused))
      ),
      h(
        "p",
        { className: "plexsync-quiet" },
        "Too large, or no picture that Plex can read. All else of these scenes is in Plex. Give them a smaller " +
          "or another cover in Stash; it is sent as soon as it is saved."
      ),
      h(Scenes, { stamp: state.refused })
    );
  }

  ui.Refused = Refused;
})();
