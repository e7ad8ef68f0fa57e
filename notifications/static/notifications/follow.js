// Follows what is new: asks for it every few seconds and puts it on top of the list. Without this script the list is
// the same, and is reloaded by hand.
"use strict";

(function () {
    const PAUSE = 5000;
    const LONGEST_PAUSE = 60000;
    const MOST_ROWS = 500;

    const place = document.getElementById("follow");
    const table = document.querySelector("#result_list tbody");
    if (!place || !table) { return; }
    const switched = document.getElementById("follow-switch");
    const note = document.getElementById("follow-note");
    // One turn back: what was written beside something newer may be seen later than that.
    let former = place.dataset.seen;
    let seen = place.dataset.seen;
    let pause = PAUSE;
    let timer = null;
    let isAsking = false;
    let count = 0;

    function say(text) { if (note.textContent !== text) { note.textContent = text; } }

    function keyOf(row) {
        const link = row.querySelector("a[href]");
        return link ? new URL(link.href).pathname : "";
    }

    function insert(html) {
        const found = new DOMParser().parseFromString(html, "text/html");
        const known = new Set(Array.from(table.rows, keyOf));
        const fresh = Array.from(found.querySelectorAll("#result_list tbody tr"))
            .filter(function (row) { return !known.has(keyOf(row)); });
        fresh.forEach(function (row) { row.classList.add("gsm-fresh"); });
        table.prepend(...fresh);
        while (table.rows.length > MOST_ROWS) { table.deleteRow(-1); }
        count += fresh.length;
    }

    function ask() {
        if (isAsking) { return; }
        isAsking = true;
        const url = new URL(place.dataset.url, window.location.href);
        url.searchParams.set("seen", former);
        fetch(url, {credentials: "same-origin", headers: {Accept: "application/json"}})
            .then(function (answer) {
                // Whoever was signed out meanwhile is answered with a page.
                const isOurs = (answer.headers.get("Content-Type") || "").startsWith("application/json");
                return answer.ok && isOurs ? answer.json() : Promise.reject(answer.status);
            })
            .then(function (answer) {
                if (answer.problem) { return Promise.reject(answer.problem); }
                insert(answer.rows);
                former = seen;
                seen = String(answer.seen);
                pause = PAUSE;
                say(count ? count + " new since this page was opened." : "Nothing new yet.");
            })
            .catch(function () {
                pause = Math.min(pause * 2, LONGEST_PAUSE);
                say("No answer. It is tried again in " + pause / 1000 + " seconds; reload if you were signed out.");
            })
            .finally(function () { isAsking = false; wait(); });
    }

    function wait() {
        clearTimeout(timer);
        if (switched.checked && !document.hidden) { timer = setTimeout(ask, pause); }
    }

    function start() {
        if (!switched.checked || document.hidden) { clearTimeout(timer); return; }
        ask();
    }

    switched.addEventListener("change", function () {
        sessionStorage.setItem("follow", switched.checked ? "on" : "off");
        if (!switched.checked) { say(""); }
        start();
    });
    document.addEventListener("visibilitychange", start);
    place.hidden = false;
    switched.checked = sessionStorage.getItem("follow") === "on";
    start();
})();
