// What the plots of `cajal` are drawn with: lines, marks and text on white, as a PNG file.
//
// Coordinates are in units from the upper left; a unit is two pixels.
#pragma once

#include <cairo.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace cajal::cli {

struct Color {
  double red, green, blue;
};
// Vermillion and blue of the Okabe-Ito palette, which people with any colour vision tell apart;
// what is drawn in them should differ in its markers, too.
inline constexpr Color kVermillion = {0xD5 / 255.0, 0x5E / 255.0, 0x00 / 255.0};
inline constexpr Color kBlue = {0x00 / 255.0, 0x72 / 255.0, 0xB2 / 255.0};
inline constexpr Color kInk = {0.15, 0.15, 0.15};
inline constexpr Color kGrid = {0.88, 0.88, 0.88};

inline constexpr double kFontSize = 13;
inline constexpr double kTitleFontSize = 16;
inline constexpr double kSmallFontSize = 11.5;

enum class Marker { kCircle, kSquare };

// 1, 2 or 5 times a power of ten: the smallest such step that makes at most `n` of them of `range`.
double NiceStep(double range, int n);

class Canvas {
 public:
  Canvas(double width, double height);

  void Line(double x0, double y0, double x1, double y1, const Color& color, double width);
  void Mark(Marker marker, double x, double y, const Color& color, double radius = 3.6);

  // `align`: 0 = begins at x, 0.5 = is centred there, 1 = ends there. y is the base line. Returns
  // the text's width.
  double Text(const std::string& text, double x, double y, double align, double size,
              bool bold = false);

  // Bold, from x on; smaller than `size` if it would be wider than `width`.
  void TextWithin(double width, const std::string& text, double x, double y, double size);

  // The bytes of the file.
  absl::StatusOr<std::string> Png();

 private:
  // Returns the width of `text` in it.
  double SetFont(const std::string& text, double size, bool bold);
  void SetColor(const Color& color);

  struct Destroy {
    void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
    void operator()(cairo_t* cairo) const { cairo_destroy(cairo); }
  };
  std::unique_ptr<cairo_surface_t, Destroy> surface_;
  std::unique_ptr<cairo_t, Destroy> cairo_;
};

}  // namespace cajal::cli
