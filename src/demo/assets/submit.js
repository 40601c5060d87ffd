// From here on this entry of the history is a plain GET: Back leads to the page
// before the choice, and nothing is sent twice.
history.replaceState(null, "", location.href);
document.getElementById("hidden-form").submit();
