"""Parts that several pages share: navigation, forms, players, charts, wording. Nothing here computes music."""
