// Copies a text of the page. Without this script the text can be selected as any other.
"use strict";

(function () {
    function select(element) {
        const selection = getSelection();
        selection.removeAllRanges();
        const range = document.createRange();
        range.selectNodeContents(element);
        selection.addRange(range);
    }

    document.querySelectorAll(".gsm-copy").forEach(function (button) {
        const source = document.getElementById(button.dataset.copies);
        const status = button.parentElement.querySelector("[role=status]");
        button.hidden = false;
        button.addEventListener("click", function () {
            // There is no clipboard where a page does not come by https.
            const copied = navigator.clipboard ? navigator.clipboard.writeText(source.textContent) : Promise.reject();
            copied.then(
                function () { status.textContent = "Copied."; },
                function () {
                    select(source);
                    status.textContent = "Selected: press Ctrl+C or Cmd+C.";
                }
            );
        });
    });
})();
