/*
 * A page that gives a plugin what Stash's own page does: PluginApi with its patches, its
 * routes and components, a settings page and a scene page. Written from Stash's manual and
 * from what its pages are seen to do; only as much of it as PlexSync touches.
 */
(function () {
  "use strict";

  const { React, ReactDOM, ReactRouterDOM, ReactBootstrap } = window;
  const h = React.createElement;
  const patches = { before: {}, instead: {}, after: {} };
  const components = {};

  function add(kind) {
    return (name, change) => (patches[kind][name] = patches[kind][name] || []).push(change);
  }

  // As before 0.27: the settings and the scene's page are Stash's own affair.
  const FIXED = window.olderStash ? ["PluginSettings", "ScenePage.Tabs", "ScenePage.TabContent"] : [];

  /** A component that plugins may change: before (arguments), instead (all), after (result). */
  function patchable(name, draw) {
    components[name] = function (...given) {
      if (FIXED.includes(name)) return draw(...given);
      let args = given;
      for (const change of patches.before[name] || []) args = change.apply(null, args);
      const chain = [...(patches.instead[name] || []), draw];
      // Each is handed the one behind it as its last argument.
      const from = (place) =>
        place === chain.length - 1
          ? chain[place]
          : (...more) => chain[place].apply(null, [...more, from(place + 1)]);
      let result = from(0).apply(null, args);
      for (const change of patches.after[name] || []) result = change.apply(null, [...args, result]);
      return result;
    };
    return components[name];
  }

  const container = (name) =>
    patchable(name, (props) => h(React.Fragment, null, props.children));

  // --- settings ------------------------------------------------------------------------------

  const SettingsContext = React.createContext(null);
  function useSettings() {
    const found = React.useContext(SettingsContext);
    if (!found) throw new Error("useSettings must be used within a SettingsContext");
    return found;
  }

  async function ask(query, variables) {
    const reply = await fetch("/graphql", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query, variables }),
    });
    return (await reply.json()).data;
  }

  /** Keeps all plugins' settings as they were when the page was opened, and saves them all. */
  function SettingsProvider({ children }) {
    const [plugins, setPlugins] = React.useState(null);
    const timer = React.useRef(0);
    React.useEffect(() => {
      let shown = true;
      ask("{ configuration { plugins } }").then(
        (data) => shown && setPlugins(data.configuration.plugins)
      );
      return () => void (shown = false);
    }, []);
    function savePluginSettings(id, input) {
      const all = { ...plugins, [id]: input };
      setPlugins(all);
      window.clearTimeout(timer.current);
      timer.current = window.setTimeout(() => {
        for (const [plugin_id, map] of Object.entries(all)) {
          ask("mutation($plugin_id: ID!, $input: Map!) { configurePlugin(plugin_id: $plugin_id, input: $input) }", {
            plugin_id,
            input: map,
          });
        }
      }, 500);
    }
    if (!plugins) return null;
    return h(SettingsContext.Provider, { value: { plugins, savePluginSettings } }, children);
  }

  const Setting = patchable("Setting", ({ id, heading, subHeading, children }) =>
    h(
      "div",
      { className: "setting", id },
      h("div", null, h("h3", null, heading), subHeading && h("div", { className: "sub-heading" }, subHeading)),
      h("div", null, children)
    )
  );

  const PluginSettings = patchable("PluginSettings", ({ pluginID, settings }) => {
    const { plugins, savePluginSettings } = useSettings();
    const mine = plugins[pluginID] || {};
    return h(
      "div",
      { className: "plugin-settings" },
      settings.map((setting) =>
        h(
          Setting,
          { key: setting.name, id: `plugin-${pluginID}-${setting.name}`, heading: setting.display_name, subHeading: setting.description },
          h("input", {
            className: "text-input",
            "aria-label": setting.display_name,
            value: mine[setting.name] || "",
            onChange: (event) =>
              savePluginSettings(pluginID, { ...mine, [setting.name]: event.target.value }),
          })
        )
      )
    );
  });

  const ToolsSection = container("SettingsToolsSection");
  const PLUGINS = "{ plugins { id name settings { name display_name description type } } }";

  function SettingsPage() {
    const { search } = ReactRouterDOM.useLocation();
    const [plugins, setPlugins] = React.useState([]);
    React.useEffect(() => {
      let shown = true;
      ask(PLUGINS).then((data) => shown && setPlugins(data.plugins));
      return () => void (shown = false);
    }, []);
    const tab = new URLSearchParams(search).get("tab");
    return h(
      SettingsProvider,
      null,
      h(
        "div",
        { className: "settings" },
        tab === "tools"
          ? [
              h(ToolsSection, { key: 1 }, h(Setting, { heading: "GraphQL playground" })),
              h(ToolsSection, { key: 2 }, h(Setting, { heading: "Scene duplicate checker" })),
            ]
          : plugins.map((plugin) =>
              h(
                "div",
                { key: plugin.id },
                h("h2", null, plugin.name),
                h(PluginSettings, { pluginID: plugin.id, settings: plugin.settings || [] })
              )
            )
      )
    );
  }

  // --- scenes --------------------------------------------------------------------------------

  const SceneTabs = container("ScenePage.Tabs");
  const SceneTabContent = container("ScenePage.TabContent");

  function ScenePage() {
    const { Tab, Nav } = ReactBootstrap;
    const { id } = ReactRouterDOM.useParams();
    const [key, setKey] = React.useState("details");
    const scene = { id };
    return h(
      Tab.Container,
      { id: "scene", activeKey: key, onSelect: setKey },
      h(
        Nav,
        { variant: "tabs" },
        h(SceneTabs, { scene }, h(Nav.Item, null, h(Nav.Link, { eventKey: "details" }, "Details")))
      ),
      h(
        Tab.Content,
        { className: "container" },
        h(SceneTabContent, { scene }, h(Tab.Pane, { eventKey: "details" }, `Scene ${id}`))
      )
    );
  }

  // --- the frame -----------------------------------------------------------------------------

  const UtilityItems = container("MainNavBar.UtilityItems");
  const PluginRoutes = container("PluginRoutes");

  function Bar() {
    const { Navbar, Nav } = ReactBootstrap;
    return h(
      Navbar,
      { fixed: "top", className: "top-nav", variant: "dark" },
      h(Navbar.Brand, null, "Stash"),
      h(Nav, { className: "ml-auto flex-row" }, h(UtilityItems))
    );
  }

  function App() {
    const { BrowserRouter, Switch, Route } = ReactRouterDOM;
    return h(
      BrowserRouter,
      null,
      h(Bar),
      h(
        "main",
        null,
        h(
          Switch,
          null,
          h(Route, { path: "/settings", component: SettingsPage }),
          h(Route, { path: "/scenes/:id", component: ScenePage }),
          h(PluginRoutes)
        )
      )
    );
  }

  const before = add("before");
  window.PluginApi = {
    React,
    ReactDOM,
    libraries: { ReactRouterDOM, Bootstrap: ReactBootstrap },
    components,
    hooks: window.olderStash ? {} : { useSettings },
    patch: { before, instead: add("instead"), after: add("after") },
    register: {
      route: (path, component) =>
        before("PluginRoutes", (props) => [
          {
            children: h(
              React.Fragment,
              null,
              props.children,
              h(ReactRouterDOM.Route, { path, component })
            ),
          },
        ]),
    },
  };

  // Stash draws its page once every plugin's script has been loaded; 0.27 does not wait.
  const draw = () => ReactDOM.render(h(App), document.getElementById("root"));
  const script = document.createElement("script");
  script.src = "/plugin/PlexSync/javascript";
  if (window.drawsEarly) {
    draw();
    window.setTimeout(() => document.body.append(script), 300);
  } else {
    script.onload = script.onerror = draw;
    document.body.append(script);
  }
})();
