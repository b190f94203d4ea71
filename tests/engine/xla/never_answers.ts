/** In the place of a plugin's trial: one that never ends. */
setInterval(() => {}, 1000);
