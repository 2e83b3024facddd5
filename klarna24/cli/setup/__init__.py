"""klarna24 init: a conversation that ends in a tested profile, or changes nothing."""
