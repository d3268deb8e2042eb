"""Files that mailings carry: looked at before they are taken, kept once however often they are used."""
