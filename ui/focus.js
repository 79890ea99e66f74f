/* Keeps the keyboard near where it was when what had the focus is taken off the page. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;

  const STOPS = "button, a[href], input, summary, select, textarea";
  /** What can stand for all that is in it: it has a name, and shows that it has the focus. */
  const PLACES = "section, .plexsync-outcome, .plexsync-page, .plexsync-scene";

  /** An element and all around it, each with its number among its siblings. */
  function wayOf(element) {
    const way = [];
    for (let at = element; at; at = at.parentElement) {
      way.push({ at, number: at.parentElement ? [...at.parentElement.children].indexOf(at) : 0 });
    }
    return way;
  }

  /** Where to go on: the next row of a list, the first button of a group, else the whole part. */
  function nextStop(way) {
    const left = way.findIndex(({ at }) => at.isConnected);
    if (left < 1) return null;
    const around = way[left].at;
    if (around.matches("ul, tbody")) {
      const row = around.children[Math.min(way[left - 1].number, around.children.length - 1)];
      const stop = row && row.querySelector(STOPS);
      if (stop) return stop;
    }
    const group = around.closest("[role=group]:not(.plexsync-settings)");
    return (group && group.querySelector(STOPS)) || around.closest(PLACES);
  }

  /** `place` is a ref of the part whose keyboard is kept. */
  ui.useFocusKept = function (place) {
    React.useEffect(() => {
      const root = place.current;
      let way = [];
      const onFocus = (event) => void (way = wayOf(event.target));
      // Whoever leaves by hand leaves an element behind that is still there.
      const onBlur = () =>
        window.setTimeout(() => {
          if (document.activeElement === document.body && way.length && way[0].at.isConnected) way = [];
        });
      const watch = new MutationObserver(() => {
        if (document.activeElement !== document.body || !way.length || way[0].at.isConnected) return;
        const stop = nextStop(way);
        way = [];
        if (!stop) return;
        if (!stop.matches(STOPS)) stop.tabIndex = -1;
        stop.focus({ preventScroll: true });
      });
      root.addEventListener("focusin", onFocus);
      root.addEventListener("focusout", onBlur);
      watch.observe(root, { childList: true, subtree: true });
      return () => {
        watch.disconnect();
        root.removeEventListener("focusin", onFocus);
        root.removeEventListener("focusout", onBlur);
      };
    }, []);
  };
})();
