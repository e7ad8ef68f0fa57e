// Shows the path while its parts are typed, and the facts of a resource while the form is filled in.
// Everything works without this script: the server shows the same after each step.
"use strict";

(function () {
    const guide = document.querySelector("form.gsm-guide");
    if (guide) {
        const preview = document.getElementById("resource-preview");
        guide.addEventListener("input", function () {
            let path = guide.dataset.path;
            for (const input of guide.querySelectorAll("input[name^='part-']")) {
                if (input.value.trim()) {
                    path = path.replaceAll("{" + input.name.slice("part-".length) + "}", input.value.trim());
                }
            }
            const options = guide.elements.options.value.trim().replace(/^[?&]+/, "");
            preview.textContent = options ? path + (path.includes("?") ? "&" : "?") + options : path;
        });
    }

    const place = document.getElementById("facts-place");
    const resource = document.getElementById("id_resource");
    if (place && resource) {
        resource.addEventListener("change", function () {
            const url = place.dataset.url + "?resource=" + encodeURIComponent(resource.value);
            fetch(url, {headers: {"X-Requested-With": "XMLHttpRequest"}, credentials: "same-origin"})
                .then(function (answer) { return answer.ok ? answer.text() : ""; })
                .then(function (text) {
                    const page = new DOMParser().parseFromString(text, "text/html");
                    place.replaceChildren(...page.body.children);
                })
                .catch(function () { /* The facts are a help: the form works without them. */ });
        });
    }
})();
