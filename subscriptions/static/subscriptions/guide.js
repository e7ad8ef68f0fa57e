// Shows the path while its parts are typed, and the facts of a resource while the form is filled in.
// Everything works without this script: the server shows the same after each step.
"use strict";

(function () {
    // Fetches a page for an element; of several under way only the last one counts.
    function asker(show) {
        let last = 0;
        return function (url) {
            const mine = ++last;
            fetch(url, {credentials: "same-origin"})
                .then(function (answer) { return answer.ok ? answer.text() : Promise.reject(answer.status); })
                .then(function (text) {
                    if (mine === last) { show(new DOMParser().parseFromString(text, "text/html")); }
                })
                .catch(function () { /* It is a help only: the form works without it. */ });
        };
    }

    const guide = document.querySelector("form.gsm-guide");
    if (guide) {
        const preview = document.getElementById("resource-preview");
        const parts = Array.from(guide.querySelectorAll("input[name^='part-']"));
        // How values are quoted and encoded is the server's to know: it is asked once all parts are there.
        const ask = asker(function (page) {
            const found = page.getElementById("resource-preview");
            if (found) { preview.textContent = found.textContent; }
        });
        let pause;
        function isFilled(input) { return input.value.trim() !== ""; }
        function show() {
            const query = new URLSearchParams(new FormData(guide));
            query.delete("who");
            if (parts.every(isFilled)) { query.set("show", "1"); }
            ask("?" + query);
        }
        guide.addEventListener("input", function () {
            clearTimeout(pause);
            pause = setTimeout(show, 250);
        });
        // What the browser has kept from before, or what was typed while this was loading.
        if (parts.some(isFilled)) { show(); }
    }

    const place = document.getElementById("facts-place");
    const resource = document.getElementById("id_resource");
    if (place && resource) {
        const ask = asker(function (page) { place.replaceChildren(...page.body.children); });
        resource.addEventListener("change", function () {
            ask(place.dataset.url + "?resource=" + encodeURIComponent(resource.value));
        });
    }
})();
