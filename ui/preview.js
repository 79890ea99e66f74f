/* What the last preview found. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;
  const { useState } = React;

  function Preview({ at, now }) {
    const [open, setOpen] = useState(false);
    const [found, setFound] = useState(null);
    const first = React.useRef(at);
    React.useEffect(() => {
      // One that ends while the page is looked at was asked for here: show it at once.
      if (at !== first.current) setOpen(true);
    }, [at]);
    React.useEffect(() => {
      let current = true;
      if (open) {
        ui.operation("page_preview").then(
          (answer) => current && setFound(answer.text),
          (error) => current && setFound(error.message)
        );
      }
      return () => void (current = false);
    }, [open, at]);
    if (!at) return null;
    // One line that sums up, a blank one, then columns.
    const [summary, ...table] = (found || "").split("\n\n");
    return h(
      "section",
      { className: "plexsync-section card", "aria-labelledby": "plexsync-preview" },
      h(
        "div",
        { className: "plexsync-group-head" },
        h(
          "h2",
          { id: "plexsync-preview" },
          "Last preview ",
          h("span", { className: "plexsync-quiet" }, ui.ago(at, now))
        ),
        h(
          "button",
          {
            type: "button",
            className: "btn btn-secondary btn-sm",
            "aria-expanded": open,
            "aria-controls": "plexsync-preview-text",
            onClick: () => setOpen(!open),
          },
          open ? "Hide preview" : "Show preview"
        )
      ),
      h(
        "div",
        { id: "plexsync-preview-text" },
        open && h("p", null, summary || "Reading…"),
        open && table.length > 0 && h("pre", { className: "plexsync-pre", tabIndex: 0 }, table.join("\n\n"))
      )
    );
  }

  ui.Preview = Preview;
})();
