# SPDX-License-Identifier: GPL-2.0
# Builds and installs all of dmp for the running kernel, or for the one whose build directory KDIR names:
#
#   make && sudo make install
#
# prefix is for dmpstat (/usr/local), DESTDIR for packages. module/Makefile and dmpstat/Makefile say what
# else can be set. Both can be used alone.

all install:
	$(MAKE) -C module $(patsubst all,modules,$@)
	$(MAKE) -C dmpstat $@

.PHONY: all install
