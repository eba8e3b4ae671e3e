// The one EXIF field that changes what a picture shows.
#pragma once

#include <string_view>

namespace cajal::image {

// The orientation, 1 to 8, out of EXIF data, which begin with the TIFF header; 1 where it is absent
// or anything is amiss, as viewers do.
int ExifOrientation(std::string_view tiff);

}  // namespace cajal::image
