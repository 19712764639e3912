"""The look of the gallery's pictures, which conf.py names."""

import matplotlib.pyplot as plt

STYLE = "sklearn_myhpo.plotting.light"


def use_style(gallery_conf, script):
    """Draw the pictures of an example in the package's style sheet.

    The site inverts their lightness on dark pages (`site.css`).
    """
    plt.style.use(STYLE)
