"""Work over folders of recordings and lists of sentences, resumable."""
