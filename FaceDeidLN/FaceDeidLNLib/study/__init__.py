"""One face, every object of a DICOM study: a plan that can be read, one road for all of its series, and nothing unless all is right."""
