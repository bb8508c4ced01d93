"""What the approaches on notes share: tokens, events, their networks, and the pieces made of them. Not an approach."""
