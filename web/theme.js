/* Before the first paint: the theme that was chosen here, so that no page flashes in the other. */
(function () {
	"use strict";
	try {
		var theme = localStorage.getItem("hilda-theme");
		if (theme === "light" || theme === "dark")
			document.documentElement.dataset.theme = theme;
	} catch (e) {
		/* No storage: the preference of the system holds. */
	}
})();
