"""What the approaches on notes share: tokens, events, their networks, and making pieces. Not an approach by itself."""
