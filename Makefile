# SPDX-License-Identifier: GPL-2.0
# Builds and installs all of dmp for the running kernel, or for the kernel of the build directory
# KDIR:
#
#   make && sudo make install
#
# prefix is for dmpstat (/usr/local), DESTDIR for packages. module/Makefile and dmpstat/Makefile,
# which can be used alone, list further variables.

all install:
	$(MAKE) -C module $(patsubst all,modules,$@)
	$(MAKE) -C dmpstat $@

.PHONY: all install
