"""The demo campaign: an invented but believable directory for every country, one drive, three mailings. All addresses are .test."""
