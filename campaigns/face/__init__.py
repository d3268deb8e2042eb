"""The campaign's face: a public page of a campaign or a drive, switched on by staff."""
