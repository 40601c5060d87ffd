document.getElementById("hidden-form").submit();
