"""Floors: what disk and Trio ask for the same work, without any saga; as plain as can be."""
