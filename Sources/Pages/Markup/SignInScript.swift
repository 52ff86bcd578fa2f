/// What a browser without a token is shown, and the script that exchanges the one in the address for a cookie: what
/// stands behind a `#` is sent to no server, and so is in no log.
package enum SignIn {
    package static let javaScript = #"""
        "use strict";
        (async () => {
        const given = new URLSearchParams(location.hash.slice(1)).get("token");
        const say = (text) => { document.querySelector("main p").textContent = text; };
        if (!given) return;
        history.replaceState(null, "", location.pathname + location.search);
        const answer = await fetch("/session", {headers: {"Authorization": "Bearer " + given}, cache: "no-store"});
        if (answer.ok) location.reload(); else say("This token is not the one that the server was started with.");
        })();
        """#

    /// The page that asks for the token.
    package static let page: HTML = """
        <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">\
        <title>modelreg</title><link rel="icon" href="/icon.svg"><link rel="stylesheet" href="/style.css"><script src="/sign-in.js" defer></script></head>\
        <body><main><h1>A token is needed</h1><p>Open the address that <code>modelreg serve</code> has printed: it ends \
        in <code>#token=…</code>. Programs send it as <code>Authorization: Bearer …</code>.</p></main></body></html>
        """
}
