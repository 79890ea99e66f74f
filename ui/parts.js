/* Small pieces that the page, the settings panel and the scene tab share. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;

  /** "just now", "5 min ago"; both in Unix seconds, `now` by Stash's clock. */
  function ago(then, now) {
    const seconds = Math.max(0, now - then);
    if (seconds < 10) return "just now";
    if (seconds < 60) return `${Math.round(seconds)} s ago`;
    if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
    if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
    return new Date(then * 1000).toLocaleDateString();
  }

  /** Day and minute, as the reader's browser writes them; `then` in Unix seconds. */
  const when = (then) =>
    new Date(then * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "short" });

  /** What a run was and when; `goneOn` are those that somebody let go with "Go on". */
  const runName = (run, goneOn) => `${goneOn.includes(run) ? "Go on" : "Sync all"} of ${when(run)}`;

  /** "in 5 min", "at once"; null (parked) waits for a person. */
  function ahead(due, now) {
    if (due === null) return "when you retry or save it";
    const seconds = due - now;
    if (seconds < 1) return "at once";
    if (seconds < 60) return `in ${Math.ceil(seconds)} s`;
    if (seconds < 3600) return `in ${Math.round(seconds / 60)} min`;
    return `in ${Math.round(seconds / 3600)} h`;
  }

  /** As PlexSync's own sentences write it beside: a browser's 1.500 would be another number. */
  const number = (count) => count.toLocaleString("en");
  const counted = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
  const scenes = (count) => counted(count, "scene");
  /** A field as people call it. */
  const words = (field) => field.replace(/_/g, " ");

  /** Address of an item in Plex Web: Plex's own, or the server's when `local`. */
  function itemAddress(server, ratingKey, local) {
    const base = local ? `${server.url}/web/index.html` : "https://app.plex.tv/desktop/";
    const key = encodeURIComponent(`/library/metadata/${ratingKey}`);
    return `${base}#!/server/${encodeURIComponent(server.machine)}/details?key=${key}`;
  }

  function SceneLink({ id, title }) {
    const { Link } = window.PluginApi.libraries.ReactRouterDOM;
    return h(Link, { to: `/scenes/${id}` }, title || `Scene ${id}`);
  }

  /** A link that leaves the page where it is. */
  const Away = ({ children, ...rest }) =>
    h("a", { target: "_blank", rel: "noopener noreferrer", ...rest }, children);

  function ItemLink({ server, ratingKey }) {
    if (!server || !server.machine) return null;
    return h(
      Away,
      { href: itemAddress(server, ratingKey, false) },
      "Open in Plex",
      h("span", { className: "sr-only" }, ` (item ${ratingKey}, new window)`)
    );
  }

  /** The heading of a group, with its size in a badge. */
  const GroupTitle = ({ id, title, size, warns }) =>
    h(
      "h3",
      { id },
      title,
      " ",
      h("span", { className: `badge badge-${warns ? "warning" : "secondary"}` }, size)
    );

  /**
   * A button that says what it does while it does it, and cannot be pressed twice. `off` when
   * there is nothing to do; it can be reached then all the same.
   */
  function ActionButton({ action, busyText, children, variant, size, off, ...rest }) {
    const { Button } = window.PluginApi.libraries.Bootstrap;
    const [busy, setBusy] = React.useState(false);
    const alive = React.useRef(true);
    React.useEffect(() => () => void (alive.current = false), []);
    async function onClick() {
      setBusy(true);
      try {
        await action();
      } finally {
        if (alive.current) setBusy(false);
      }
    }
    return h(
      Button,
      {
        variant: variant || "secondary",
        size: size || "sm",
        // Not "disabled": the keyboard's focus would be lost.
        "aria-disabled": busy || off || undefined,
        onClick: busy || off ? undefined : onClick,
        ...rest,
      },
      busy ? busyText || children : children
    );
  }

  /** Previous and next; `back` and `on` turn the page, and are falsy where there is none. */
  function Pager({ page, back, on }) {
    const button = (text, turn) =>
      h(
        "button",
        {
          type: "button",
          className: "btn btn-secondary btn-sm",
          "aria-disabled": !turn || undefined,
          onClick: turn || undefined,
        },
        text
      );
    return h(
      "div",
      { className: "plexsync-pager", role: "group", "aria-label": "Pages" },
      button("Previous", back),
      h("span", { "aria-live": "polite" }, `Page ${page}`),
      button("Next", on)
    );
  }

  /** Does some work, and says the news that it gives, if any, or what it failed of. */
  async function told(say, work) {
    try {
      const text = await work();
      if (text) say({ kind: "good", text });
    } catch (problem) {
      say({ kind: "bad", text: problem.message });
    }
  }

  /** One line of news about what the reader just did, read out when it changes; or of a task past. */
  function Notice({ notice, id }) {
    const kind = notice ? notice.kind : "none";
    const isPast = kind === "past" || kind === "failed";
    return h(
      "div",
      {
        id,
        className: `plexsync-notice plexsync-notice-${kind}`,
        role: kind === "bad" ? "alert" : "status",
        "aria-live": isPast ? "off" : kind === "bad" ? "assertive" : "polite",
      },
      notice ? ui.shown(notice.text) : null
    );
  }

  /** What went wrong, with what to do about it step by step where that is known. */
  function Problem({ error }) {
    if (!error) return null;
    return h(
      "div",
      { className: "alert alert-danger", role: "alert" },
      h("div", null, ui.shown(error.message)),
      error.steps &&
        h(
          "ul",
          { className: "plexsync-advice" },
          error.steps.map((step) => h("li", { key: step }, step))
        )
    );
  }

  /** What stands above the state while there is none: asked for, or not to be had. */
  const noState = (error) =>
    error ? (error.isPython ? "PlexSync cannot run" : "PlexSync does not answer") : "Reading the state…";

  /** The mark of PlexSync: something handed on to the right. */
  function Mark() {
    return h(
      "svg",
      {
        className: "plexsync-mark svg-inline--fa fa-icon",
        viewBox: "0 0 24 24",
        "aria-hidden": true,
        focusable: false,
      },
      h("path", {
        fill: "none",
        stroke: "currentColor",
        strokeWidth: 2.4,
        strokeLinecap: "round",
        strokeLinejoin: "round",
        d: "M4 8a8.5 8.5 0 0 1 15-1M20 3v4.5h-4.5M20 16a8.5 8.5 0 0 1-15 1M4 21v-4.5h4.5M10 8.8l5.2 3.2-5.2 3.2z",
      })
    );
  }

  /**
   * Asks again and again while the page is looked at; gives [answer, error, askNow].
   * The last answer stays while the next one is awaited, so nothing jumps.
   */
  function usePolling(question, pause) {
    const [answer, setAnswer] = React.useState(null);
    const [error, setError] = React.useState(null);
    const timer = React.useRef(0);
    const alive = React.useRef(true);
    const asking = React.useRef(null);
    const latest = React.useRef({});
    latest.current = { question, pause };

    const askNow = React.useCallback(() => {
      if (asking.current) return asking.current;
      window.clearTimeout(timer.current);
      asking.current = (async () => {
        let found = null;
        try {
          found = await latest.current.question();
          if (alive.current) {
            setAnswer(found);
            setError(null);
          }
        } catch (problem) {
          if (alive.current) setError(problem);
        }
        asking.current = null;
        if (alive.current && document.visibilityState !== "hidden") {
          timer.current = window.setTimeout(askNow, latest.current.pause(found));
        }
        return found;
      })();
      return asking.current;
    }, []);

    React.useEffect(() => {
      alive.current = true;
      const onSight = () => document.visibilityState !== "hidden" && askNow();
      document.addEventListener("visibilitychange", onSight);
      askNow();
      return () => {
        alive.current = false;
        window.clearTimeout(timer.current);
        document.removeEventListener("visibilitychange", onSight);
      };
    }, [askNow]);
    return [answer, error, askNow];
  }

  /**
   * Reads an operation page by page; gives {found, titles, error, isFirst, toFirst, pager}.
   * `given` are its arguments; the page is read again when one of them or `stamp` changes, and
   * the first page when `newest` does: the others stand still.
   * `turn` names the one that gets the `next` of the page before, and `scenes` tells the ids
   * of the scenes on a page whose titles are asked for. A page that is empty by now, all of
   * its rows being done, gives way to the one before.
   */
  function usePages(mode, given, { turn = "after", stamp, newest, scenes, rows }) {
    const [pages, setPages] = React.useState([null]);
    const [found, setFound] = React.useState(null);
    const [titles, setTitles] = React.useState({});
    const [error, setError] = React.useState(null);
    const place = pages[pages.length - 1];
    const back = () => setPages(pages.slice(0, -1));
    React.useEffect(() => {
      let current = true;
      (async () => {
        try {
          const page = await ui.operation(mode, { ...given, [turn]: place });
          if (!current) return;
          setFound(page);
          setError(null);
          if (rows && !rows(page).length && pages.length > 1) back();
          if (!scenes) return;
          const named = await ui.sceneTitles(scenes(page));
          if (current) setTitles((known) => Object.assign({}, known, named));
        } catch (problem) {
          if (current) setError(problem);
        }
      })();
      return () => void (current = false);
    }, [JSON.stringify(given), JSON.stringify(place), stamp, place === null && newest]);
    const more = found && found.next;
    const pager =
      (pages.length > 1 || more) &&
      h(Pager, {
        page: pages.length,
        back: pages.length > 1 && back,
        on: more && (() => setPages([...pages, more])),
      });
    return { found, titles, error, isFirst: place === null, toFirst: () => setPages([null]), pager };
  }

  /**
   * Has something looked at once it has not changed for `pause` milliseconds; gives {found, error}.
   * What was found stays until the next answer.
   */
  function useTried(mode, given, pause) {
    const [answer, setAnswer] = React.useState({ found: null, error: null });
    React.useEffect(() => {
      let current = true;
      const timer = window.setTimeout(() => {
        ui.operation(mode, given).then(
          (found) => current && setAnswer({ found, error: null }),
          (error) => current && setAnswer(({ found }) => ({ found, error }))
        );
      }, pause);
      return () => {
        current = false;
        window.clearTimeout(timer);
      };
    }, [JSON.stringify(given)]);
    return answer;
  }

  /** What stands where rows will be: that they are read, or why they cannot be. */
  const noRows = (error) =>
    error
      ? h("p", { className: "plexsync-quiet", role: "alert" }, error.message)
      : h("p", { className: "plexsync-quiet plexsync-tall" }, "Reading…");

  /** The button that unfolds the element of the id `controls`. */
  function Unfold({ open, setOpen, controls, show, hide, ...rest }) {
    return h(
      "button",
      {
        type: "button",
        className: "btn btn-secondary btn-sm",
        "aria-expanded": open,
        "aria-controls": controls,
        onClick: () => setOpen(!open),
        ...rest,
      },
      open ? hide : show
    );
  }

  Object.assign(ui, {
    ago,
    when,
    runName,
    ahead,
    number,
    counted,
    scenes,
    words,
    told,
    itemAddress,
    usePolling,
    usePages,
    useTried,
    noRows,
    Unfold,
    SceneLink,
    Away,
    ItemLink,
    GroupTitle,
    ActionButton,
    Pager,
    Notice,
    Problem,
    noState,
    Mark,
  });
})();
