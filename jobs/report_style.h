/**
 * How the page looks: light and dark, on screens and on paper.  Colours are those of Okabe and Ito,
 * apart to most eyes, and never the only difference.
 */
#ifndef REPORT_STYLE_H
#define REPORT_STYLE_H

/** Lines of CSS without `<` and `&`; NULL at the end.  Classes: s0 to s7 and the emotions' names
 *  set a colour; `line` (dash1, dash2), `mark`, `note` use it. */
extern const char *const report_style[];

#endif
