/* The covers that Plex could not take: which scenes, and what to do. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;
  const { useState } = React;

  /** Scenes of a page. */
  const PAGE = 20;

  function Scenes({ stamp }) {
    const [pages, setPages] = useState([null]);
    const [found, setFound] = useState(null);
    const [titles, setTitles] = useState({});
    const [error, setError] = useState(null);
    const after = pages[pages.length - 1];
    React.useEffect(() => {
      let current = true;
      (async () => {
        try {
          const page = await ui.operation("page_refused", { after, limit: PAGE });
          const named = await ui.sceneTitles(page.scenes);
          if (!current) return;
          setTitles(named);
          setFound(page);
          setError(null);
        } catch (problem) {
          if (current) setError(problem);
        }
      })();
      return () => void (current = false);
      // `stamp` moves when their number does: then the page is read again.
    }, [after, stamp]);

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
      (pages.length > 1 || found.next) &&
        h(ui.Pager, {
          page: pages.length,
          back: pages.length > 1 && (() => setPages(pages.slice(0, -1))),
          on: found.next && (() => setPages([...pages, found.next])),
        })
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
