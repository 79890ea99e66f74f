/*
 * Our part of Settings, Plugins: where Plex is, who we are there, which libraries.
 * Every other setting stays as Stash draws it, below ours.
 */
(function () {
  "use strict";

  const ui = window.PlexSyncUi;
  const React = window.PluginApi.React;
  const h = React.createElement;
  const { useState } = React;

  const OURS = ["plex_url", "plex_token", "plex_libraries"];
  const SIGN_IN_EVERY = 2000;

  /** Stash's own copy of the settings, where there is one (Settings pages, 0.27 and newer). */
  function useStashSettings() {
    const { useSettings } = window.PluginApi.hooks || {};
    return useSettings ? useSettings() : null;
  }

  /** Names in a comma list; a comma that belongs to a name has a backslash before it. */
  function splitNames(text) {
    return (String(text || "").match(/(?:\\.|[^,\\])+/g) || [])
      .map((name) => name.replace(/\\(.)/g, "$1").trim())
      .filter(Boolean);
  }

  const joinNames = (names) => names.map((name) => name.replace(/([\\,])/g, "\\$1")).join(", ");
  const sameName = (one, other) => one.trim().toLowerCase() === other.trim().toLowerCase();

  function Field({ id, label, help, fault, children }) {
    return h(
      "div",
      { className: `plexsync-field ${fault ? "plexsync-at-fault" : ""}` },
      h("label", { htmlFor: id }, label),
      children,
      h("div", { id: `${id}-help`, className: "sub-heading" }, help),
      fault && h("div", { id: `${id}-fault`, className: "plexsync-fault", role: "alert" }, fault)
    );
  }

  function SignIn({ onToken }) {
    const [pin, setPin] = useState(null);
    const [notice, say] = useState(null);
    const alive = React.useRef(true);
    React.useEffect(() => () => void (alive.current = false), []);

    async function wait() {
      while (alive.current) {
        await new Promise((wake) => window.setTimeout(wake, SIGN_IN_EVERY));
        if (!alive.current) return;
        const found = await ui.operation("plex_pin_check");
        if (!alive.current) return;
        if (found.state === "done") {
          setPin(null);
          await onToken(found.token);
          say({ kind: "good", text: "Signed in. The token is saved." });
          return;
        }
        if (found.state !== "waiting") {
          setPin(null);
          say({ kind: "bad", text: found.message || "The code has expired. Sign in again for a new one." });
          return;
        }
      }
    }

    async function start() {
      say(null);
      try {
        const found = await ui.operation("plex_pin_start");
        if (!found.ok) {
          say({ kind: "bad", text: found.message });
          return;
        }
        setPin(found);
        wait().catch((error) => {
          if (alive.current) {
            setPin(null);
            say({ kind: "bad", text: error.message });
          }
        });
      } catch (error) {
        say({ kind: "bad", text: error.message });
      }
    }

    return h(
      "div",
      { className: "plexsync-sign-in" },
      pin
        ? h(
            "p",
            { role: "status" },
            "Open ",
            h("a", { href: pin.link, target: "_blank", rel: "noopener noreferrer" }, "plex.tv/link"),
            ", sign in as the server's owner and enter the code ",
            h("strong", { className: "plexsync-code" }, pin.code),
            ". This page notices by itself."
          )
        : h(ui.ActionButton, { action: start, busyText: "Asking plex.tv…" }, "Sign in with Plex"),
      h(ui.Notice, { notice })
    );
  }

  function Libraries({ settings, chosen, onChange, version }) {
    const [found, setFound] = useState(null);
    const ready = Boolean(settings.plex_url && settings.plex_token);
    React.useEffect(() => {
      let current = true;
      if (!ready) {
        setFound(null);
        return undefined;
      }
      ui.operation("libraries", { settings }).then(
        (answer) => current && setFound(answer),
        (error) => current && setFound({ ok: false, message: error.message, libraries: [] })
      );
      return () => void (current = false);
    }, [ready, version]);

    if (!ready) {
      return h("p", { className: "plexsync-quiet" }, "Shown once the address and the token are set.");
    }
    if (!found) return h("p", { className: "plexsync-quiet" }, "Asking Plex for its libraries…");
    if (!found.ok) {
      return h("p", { className: "plexsync-quiet" }, "They cannot be listed before the connection works.");
    }
    const lost = chosen.filter((name) => !found.libraries.some((one) => sameName(one.name, name)));
    const rows = [
      ...found.libraries,
      ...lost.map((name) => ({ name, kind: "lost", folders: [] })),
    ];
    function toggle(name, ticked) {
      const others = chosen.filter((known) => !sameName(known, name));
      onChange(ticked ? [...others, name] : others);
    }
    return h(
      "fieldset",
      { className: "plexsync-libraries" },
      h("legend", { className: "sr-only" }, "Libraries to sync into"),
      rows.map((library, place) => {
        const id = `plexsync-library-${place}`;
        return h(
          "div",
          { className: "custom-control custom-checkbox", key: library.name },
          h("input", {
            type: "checkbox",
            className: "custom-control-input",
            id,
            checked: chosen.some((name) => sameName(name, library.name)),
            onChange: (event) => toggle(library.name, event.target.checked),
          }),
          h(
            "label",
            { className: "custom-control-label", htmlFor: id },
            library.name,
            h(
              "span",
              { className: "plexsync-quiet" },
              library.kind === "lost" ? " not in Plex" : ` ${library.folders.join(", ")}`
            )
          )
        );
      }),
      h(
        "p",
        { className: "sub-heading" },
        chosen.length
          ? "Only the ticked ones are searched."
          : "None is ticked: every movie and other-videos library is searched."
      )
    );
  }

  function ConnectionPanel() {
    const stash = useStashSettings();
    const stored = stash ? stash.plugins[ui.ID] || {} : null;
    const [settings, setSettings] = useState(stored);
    const [draft, setDraft] = useState({});
    const [result, setResult] = useState(null);
    const [version, setVersion] = useState(0);

    React.useEffect(() => {
      ui.readSettings().then(setSettings, (error) => setResult({ ok: false, message: error.message }));
    }, []);

    const saved = settings || {};
    // Other rows of this page save through Stash; theirs is the newer word on those.
    const current = Object.assign({}, saved, stored || {}, pick(saved, OURS), draft);
    const changed = Object.keys(draft).some((key) => (draft[key] || "") !== (saved[key] || ""));

    function pick(from, keys) {
      return Object.fromEntries(keys.filter((key) => key in from).map((key) => [key, from[key]]));
    }

    async function save(changes) {
      const whole = await ui.saveSettings(changes);
      setSettings(whole);
      setDraft({});
      setVersion((count) => count + 1);
      // Stash keeps a copy of its own, and would write the old one back with the next change.
      if (stash && stash.savePluginSettings) stash.savePluginSettings(ui.ID, whole);
      return whole;
    }

    async function onSave() {
      try {
        await save(draft);
        setResult({ ok: true, message: "Saved. PlexSync takes it up within seconds." });
      } catch (error) {
        setResult({ ok: false, message: error.message });
      }
    }

    async function test() {
      setResult(null);
      try {
        setResult(await ui.operation("test_connection", { settings: current }));
        setVersion((count) => count + 1);
      } catch (error) {
        setResult({ ok: false, message: error.message });
      }
    }

    async function adopt(rule) {
      try {
        const pathMap = await ui.adoptRule(rule);
        await save({ path_map: pathMap });
        setResult({ ok: true, message: `The rule ${rule} is saved in path_map. Test once more.` });
      } catch (error) {
        setResult({ ok: false, message: error.message });
      }
    }

    const fault = (setting) =>
      result && !result.ok && result.setting === setting ? result.message : null;
    const edit = (key) => (event) => setDraft({ ...draft, [key]: event.target.value });
    const described = (id, setting) => `${id}-help${fault(setting) ? ` ${id}-fault` : ""}`;
    const elsewhere = result && !(OURS.includes(result.setting) && !result.ok);

    return h(
      "div",
      { className: "plexsync plexsync-settings setting" },
      h(
        "form",
        {
          onSubmit: (event) => {
            event.preventDefault();
            onSave();
          },
        },
        h(
          Field,
          {
            id: "plexsync-url",
            label: "Plex URL",
            help:
              "Address of Plex as seen from the machine or container that Stash runs in, such as " +
              "http://192.168.1.10:32400. In a container, localhost is the container itself.",
            fault: fault("plex_url"),
          },
          h("input", {
            id: "plexsync-url",
            className: "text-input form-control",
            type: "url",
            value: current.plex_url || "",
            placeholder: "http://192.168.1.10:32400",
            spellCheck: false,
            "aria-describedby": described("plexsync-url", "plex_url"),
            "aria-invalid": Boolean(fault("plex_url")),
            onChange: edit("plex_url"),
          })
        ),
        h(
          Field,
          {
            id: "plexsync-token",
            label: "Plex token",
            help: "Of the server's owner; shared and managed users can read, not edit.",
            fault: fault("plex_token"),
          },
          h(
            "div",
            { className: "plexsync-token" },
            h("input", {
              id: "plexsync-token",
              className: "text-input form-control",
              type: "password",
              autoComplete: "new-password",
              value: current.plex_token || "",
              placeholder: "not set",
              "aria-describedby": described("plexsync-token", "plex_token"),
              "aria-invalid": Boolean(fault("plex_token")),
              onChange: edit("plex_token"),
            }),
            h(SignIn, { onToken: (token) => save({ ...draft, plex_token: token }) })
          )
        ),
        h(
          "div",
          { className: `plexsync-field ${fault("plex_libraries") ? "plexsync-at-fault" : ""}` },
          h("div", { className: "plexsync-label" }, "Plex libraries"),
          h(Libraries, {
            settings: current,
            chosen: splitNames(current.plex_libraries),
            version,
            onChange: (names) => setDraft({ ...draft, plex_libraries: joinNames(names) }),
          }),
          fault("plex_libraries") &&
            h("div", { className: "plexsync-fault", role: "alert" }, fault("plex_libraries"))
        ),
        h(
          "div",
          { className: "plexsync-toolbar" },
          h(
            ui.ActionButton,
            { action: test, busyText: "Testing…", size: "md", type: "button" },
            "Test connection"
          ),
          h(
            "button",
            { type: "submit", className: "btn btn-primary", disabled: !changed },
            "Save"
          )
        ),
        h(ui.Notice, {
          id: "plexsync-result",
          notice:
            elsewhere && result.message
              ? {
                  kind: result.ok ? "good" : "bad",
                  text: (!result.ok && result.setting ? `${result.setting}: ` : "") + result.message,
                }
              : null,
        }),
        result &&
          result.rule &&
          h(
            "p",
            { className: "plexsync-rules" },
            h("code", null, result.rule),
            h(
              ui.ActionButton,
              { action: () => adopt(result.rule), busyText: "Adopting…", variant: "primary", type: "button" },
              "Adopt rule"
            )
          )
      )
    );
  }

  ui.ConnectionPanel = ConnectionPanel;
  ui.OURS = OURS;
})();
