"""Other people's weights and characters, read into our models and written from them."""
