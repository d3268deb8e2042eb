"""Files that mailings carry or show: looked at before they are taken, kept once however often they are used."""
