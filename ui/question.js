/* What is held back because it would take something away in Plex, and the button that lets it go. */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;

  /** Nothing without a question; `say` gets one line of news. */
  function Question({ question, now, say, askNow }) {
    if (!question) return null;
    async function goOn() {
      await ui.told(say, async () => {
        // Another page, or another run, may have changed what there is to say yes to.
        const { scenes, changed } = await ui.operation("page_go_on", { asked: question.text });
        if (changed) throw new Error("Something else is held back by now. Read what is asked, and choose again.");
        return scenes ? `Going on: ${ui.scenes(scenes)} synced now.` : "Nothing is held back any more.";
      });
      await askNow();
    }
    return h(
      "section",
      { className: "plexsync-section plexsync-group plexsync-parked card", "aria-labelledby": "plexsync-question" },
      h(
        "div",
        { className: "plexsync-group-head" },
        h(
          "div",
          null,
          h("h2", { id: "plexsync-question" }, "Take this away in Plex?"),
          h("p", null, ui.shown(question.text)),
          h("p", { className: "plexsync-quiet" }, `Asked ${ui.ago(question.at, now)}.`)
        ),
        h(
          "div",
          { className: "plexsync-group-buttons" },
          h(ui.ActionButton, { variant: "danger", action: goOn, busyText: "Going on…" }, "Go on")
        )
      )
    );
  }

  ui.Question = Question;
})();
