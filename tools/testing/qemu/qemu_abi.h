/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the test device uses of QEMU 11.1, declared by hand: a plugin may call every function that
 * QEMU exports for its own loadable parts, but no package has their headers. abi_check() looks at
 * what can be looked at before any of this is relied upon.
 */
#ifndef _QEMU_ABI_H
#define _QEMU_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define __export		__attribute__((visibility("default")))
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* The version of the plugin interface; QEMU refuses a plugin that is newer than itself. */
#define ABI_PLUGIN_VERSION 7

struct qemu_info {
	const char *target;
	struct {
		int min;
		int cur;
	} version;
	bool system_emulation;
};

/* Opaque to us. */
struct object;
struct pci_device;
struct error;

/* ---- object model ---- */

struct type_info {
	const char *name;
	const char *parent;
	size_t instance_size;	/* 0: the parent's */
	size_t instance_align;
	void *instance_init;
	void *instance_post_init;
	void *instance_finalize;
	bool abstract;
	size_t class_size;	/* 0: the parent's */
	void (*class_init)(void *class, const void *data);
	void (*class_base_init)(void *class, const void *data);
	const void *class_data;
	const char *const *interfaces;
};

void *type_register_static(const struct type_info *info);
void *object_class_by_name(const char *name);
struct object *object_resolve_path_type(const char *path, const char *type, bool *ambiguous);

/* Offsets in the class of PCI devices. */
#define ABI_CLASS_REALIZE	184
#define ABI_CLASS_EXIT		192
#define ABI_CLASS_VENDOR	216
#define ABI_CLASS_DEVICE	218
#define ABI_CLASS_REVISION	220
#define ABI_CLASS_CODE		222

typedef void realize_fn(struct pci_device *dev, struct error **error);
typedef void exit_fn(struct pci_device *dev);

void error_setg_internal(struct error **error, const char *file, int line, const char *function,
			 const char *hint, const char *format, ...);
void error_report(const char *format, ...);

/* ---- memory ---- */

/* Larger than any structure of QEMU's that is only passed through here. */
#define ABI_REGION_SIZE		4096
#define ABI_NOTIFIER_SIZE	256
#define ABI_TIMER_SIZE		256

#define ABI_LITTLE_ENDIAN	2

struct region_ops {
	uint64_t (*read)(void *opaque, uint64_t offset, unsigned int size);
	void (*write)(void *opaque, uint64_t offset, uint64_t value, unsigned int size);
	void *read_with_attrs;
	void *write_with_attrs;
	int endianness;
	struct {
		unsigned int min_size;
		unsigned int max_size;
		bool unaligned;
		void *accepts;
	} valid;
	struct {
		unsigned int min_size;
		unsigned int max_size;
		bool unaligned;
	} impl;
};

extern char address_space_memory[];

void memory_region_init_io(void *region, struct object *owner, const struct region_ops *ops,
			   void *opaque, const char *name, uint64_t size);
void *get_system_memory(void);
void memory_region_add_subregion_overlap(void *region, uint64_t offset, void *subregion,
					 int priority);
uint32_t address_space_rw(void *space, uint64_t address, uint64_t attrs, void *buffer,
			  uint64_t length, bool write);

/* ---- PCI ---- */

void pci_register_bar(struct pci_device *dev, int number, uint8_t type, void *region);
int pcie_endpoint_cap_init(struct pci_device *dev, uint8_t offset);
void pcie_cap_exit(struct pci_device *dev);
int msi_init(struct pci_device *dev, uint8_t offset, unsigned int vectors, bool msi64bit,
	     bool per_vector_mask, struct error **error);
void msi_uninit(struct pci_device *dev);
bool msi_enabled(const struct pci_device *dev);
void msi_notify(struct pci_device *dev, unsigned int vector);
void pcie_ats_init(struct pci_device *dev, uint16_t offset, bool aligned);
void pcie_pasid_init(struct pci_device *dev, uint16_t offset, uint8_t width, bool exec, bool priv);
void pcie_pri_init(struct pci_device *dev, uint16_t offset, uint32_t outstanding,
		   bool pasid_response);

/* ---- IOMMU ---- */

struct iommu_entry {
	void *space;
	uint64_t iova;
	uint64_t translated;
	uint64_t mask;
	int perm;
	uint32_t pasid;
};

#define ABI_PERM_READ	1
#define ABI_PERM_WRITE	2

struct pri_response {
	int code;	/* 0 is success */
	uint16_t prgi;
};

struct pri_notifier {
	void (*notify)(struct pri_notifier *notifier, struct pri_response *response);
};

typedef void iotlb_fn(void *notifier, struct iommu_entry *entry);

int pci_iommu_init_iotlb_notifier(struct pci_device *dev, void *notifier, iotlb_fn *fn,
				  void *opaque);
int pci_iommu_register_iotlb_notifier(struct pci_device *dev, uint32_t pasid, void *notifier);
int pci_pri_register_notifier(struct pci_device *dev, uint32_t pasid,
			      struct pri_notifier *notifier);
ssize_t pci_ats_request_translation(struct pci_device *dev, uint32_t pasid, bool priv, bool exec,
				    uint64_t address, size_t length, bool no_write,
				    struct iommu_entry *result, size_t results, uint32_t *errors);
int pci_pri_request_page(struct pci_device *dev, uint32_t pasid, bool priv, bool exec,
			 uint64_t address, bool last, uint16_t prgi, bool read, bool write);

/* ---- main loop ---- */

void *qemu_get_aio_context(void);
void aio_bh_schedule_oneshot_full(void *context, void (*fn)(void *), void *opaque,
				  const char *name);

extern char main_loop_tlg[];
#define ABI_CLOCK_VIRTUAL 1

void timer_init_full(void *timer, void *group, int clock, int scale, int attributes,
		     void (*fn)(void *), void *opaque);
void timer_mod(void *timer, int64_t expires);
void timer_del(void *timer);
int64_t qemu_clock_get_ns(int clock);

#endif /* _QEMU_ABI_H */
