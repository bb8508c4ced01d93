"""What the pages share: navigation, forms, players, charts, wording. Nothing here computes music."""
